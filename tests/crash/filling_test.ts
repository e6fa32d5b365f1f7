/** A volume that is full for a while, in the midst of writing: what failed can be done again, and nothing is lost. */
import { Random } from "../fuzz/random.ts";
import { everySo, explored } from "../sampling.ts";
import { testWith } from "../support.ts";
import { explore } from "./exploration.ts";
import { onFillingVolume } from "./filling_source.ts";
import { VHD_SCENARIOS } from "./vhd_scenarios.ts";
import { VHDX_SCENARIOS } from "./vhdx_scenarios.ts";

const SEED = 28;
/** Of a hundred writes to the file. */
const FAILING = 30;
/** A VHDX has its headers on the volume from the beginning. */
const HEADERS = 2 ** 20;

for (const [scenarios, start] of [[VHD_SCENARIOS, 0], [VHDX_SCENARIOS, HEADERS]] as const) {
  for (const [i, { title, format, base, steps, percent = 100 }] of scenarios.entries()) {
    testWith(
      everySo(4, i + 3),
      `${title} loses nothing on a volume that is full now and then`,
      () => {
        const failures = { count: 0 };
        const states = explore({
          title,
          format: onFillingVolume(format, {
            random: new Random(SEED),
            percent: FAILING,
            failures,
            start,
          }),
          base: base(),
          steps,
          seed: SEED,
          samples: 1,
          percent: Math.min(percent, 8),
        });
        explored(title, { faults: failures.count, "crash states": states });
      },
    );
  }
}
