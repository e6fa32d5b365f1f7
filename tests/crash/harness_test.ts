/** The harness accepts a writer that does all in the right order, and catches each that does not. */
import { assert, assertGreater, assertStringIncludes, assertThrows } from "@std/assert";
import { Random } from "../fuzz/random.ts";
import { pattern } from "../support.ts";
import { crashStates } from "./crash_states.ts";
import { explore } from "./exploration.ts";
import type { Observation } from "./observation.ts";
import { Oracle } from "./oracle.ts";
import { randomSteps, type Step } from "./scenario.ts";
import { SparseFile } from "./sparse_file.ts";
import { FIRST_WRITTEN, readStamps, SECTOR, stamped } from "./stamp.ts";
import { newToy, TOY_FAULTS, toyFormat } from "./toy_format.ts";
import { explored } from "../sampling.ts";

const STEPS: readonly Step[] = [
  ["write", 3, 2],
  ["flush"],
  ["write", 4, 1],
  ["write", 16, 20],
  ["trim", 0, 8],
  ["write", 40, 3],
  ["flush"],
  ["write", 50, 2],
  ["reopen"],
  ["trim", 8, 30],
  ["flush"],
  ["write", 0, 20],
];

Deno.test("a correct writer passes at every crash point", () => {
  const states = explore({
    title: "toy",
    format: toyFormat(),
    base: newToy(),
    steps: [...STEPS, ...randomSteps(new Random(5), 30, { sectors: 64, blockSectors: 8 })],
    seed: 1,
    always: true,
  });
  explored(`toy format`, { "crash states": states });
  assertGreater(states, 300);
});

for (const hostSector of [512, 4096] as const) {
  Deno.test(`a host that writes ${hostSector} bytes at once tears a write there, and only there`, () => {
    const old = pattern(8192, 1);
    const bytes = pattern(8192, 2);
    const changes = [{ kind: "write", offset: 0, bytes }] as const;
    let torn = 0;
    for (
      const { file } of crashStates(SparseFile.of(old), changes, new Random(1), 0, 0, hostSector)
    ) {
      const left = file.bytes();
      const pieces = Array.from({ length: 8192 / hostSector }, (_, i) => {
        const piece = (whole: Uint8Array) =>
          whole.subarray(i * hostSector, (i + 1) * hostSector).join();
        assert(
          [piece(old), piece(bytes)].includes(piece(left)),
          `piece ${i} is neither old nor new`,
        );
        return piece(left) === piece(bytes);
      });
      if (new Set(pieces).size > 1) torn++;
    }
    assertGreater(torn, 0);
  });
}

Deno.test("explore() catches a writer that does wrong", async (t) => {
  for (const fault of TOY_FAULTS) {
    await t.step(`${fault}`, () => {
      const plan = { title: "toy", base: newToy(), steps: STEPS, seed: 1, always: true };
      const error = assertThrows(() => explore({ ...plan, format: toyFormat(fault) }));
      assertStringIncludes(error.message, "toy (seed 1)");
      assertStringIncludes(error.message, "steps: [");
    });
  }
});

Deno.test("Oracle takes a sector that is a piece each of two versions for what a killed process left, and only if both may be there", () => {
  const sectors = stamped(0, 4, FIRST_WRITTEN);
  const seen = (bytes: Uint8Array): Observation => {
    const versions = new Uint32Array(4);
    const torn = new Map<number, readonly [number, number]>();
    readStamps(bytes, 0, versions, torn);
    return { versions, torn, attributes: new Map(), identifier: "" };
  };
  const oracle = new Oracle(seen(sectors), false);
  oracle.apply({ kind: "write", first: 1, count: 2, version: FIRST_WRITTEN + 1 });
  const tear = (version: number, sector: number) => {
    const left = sectors.slice();
    const end = sector * SECTOR + 304;
    left.set(stamped(sector, 1, version).subarray(0, 304), end - 304);
    return seen(left);
  };
  const written = tear(FIRST_WRITTEN + 1, 2);
  oracle.check(written, true);
  assertThrows(() => oracle.check(written), Error, "sector 2 reads as");
  assertThrows(() => oracle.check(tear(FIRST_WRITTEN + 2, 2), true), Error, "sector 2 reads as");
  // This one was not written.
  assertThrows(() => oracle.check(tear(FIRST_WRITTEN + 1, 3), true), Error, "sector 3 reads as");
  oracle.apply({ kind: "flushed" });
  assertThrows(() => oracle.check(written, true), Error, "sector 1 reads as");
});
