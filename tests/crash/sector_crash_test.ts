/**
 * Sectors of 4096 bytes: whole after a crash on a host that writes as much at once, and on one that writes 512
 * bytes if that is asked for; else each 512 bytes of them are old or new.
 */
import { assert, assertGreater } from "@std/assert";
import { everySo, explored, IS_FULL, sampledBound } from "../sampling.ts";
import { testWith } from "../support.ts";
import { explore, type Plan } from "./exploration.ts";
import { ATOMIC_VHDX, LARGE_SECTOR_SCENARIOS, VHDX } from "./vhdx_scenarios.ts";

const SEED = 53;
/** Of a hundred states. A long log takes its time to be read. */
const PERCENT = 20;
/** As many as it takes to see torn sectors, so that these are no sample of a sample. */
const TORN_PERCENT = IS_FULL ? PERCENT : 10;

const PROMISES:
  readonly (Pick<Plan, "format" | "hostSector" | "percent"> & { readonly what: string })[] = [
    {
      what: "are whole on a host that writes 4096 bytes at once",
      format: { ...VHDX, keepsSectorsWhole: true },
      hostSector: 4096,
    },
    {
      what: "are whole on a host that writes 512 bytes at once, where they go through the log",
      format: ATOMIC_VHDX,
      hostSector: 512,
      percent: 4,
    },
  ];

for (const [p, { what, ...promise }] of PROMISES.entries()) {
  for (const [i, scenario] of LARGE_SECTOR_SCENARIOS.entries()) {
    testWith(everySo(3, i + p), `${scenario.title} ${what}`, () => {
      const plan = { ...scenario, percent: PERCENT, ...promise, base: scenario.base(), seed: SEED };
      const states = explore(plan);
      explored(`${scenario.title}`, { "crash states": states });
      assertGreater(states, sampledBound(50));
    });
  }
}

for (const [i, scenario] of LARGE_SECTOR_SCENARIOS.entries()) {
  testWith(
    everySo(6, i),
    `${scenario.title} are torn between 512 bytes, no finer, on a host that writes so much`,
    () => {
      let torn = 0;
      const onSectors = (isTorn: boolean) => torn += Number(isTorn);
      const plan = {
        ...scenario,
        base: scenario.base(),
        seed: SEED,
        percent: TORN_PERCENT,
        always: true,
        onSectors,
      };
      const states = explore(plan);
      explored(`${scenario.title}, ${torn} with torn sectors`, { "crash states": states });
      // Else the tests before would prove nothing.
      assert(torn > 0, "no state tore a sector");
    },
  );
}
