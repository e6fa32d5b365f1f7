/** The harness accepts a writer that does all in the right order, and catches each that does not. */
import {
  assert,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Random } from "../fuzz/random.ts";
import { pattern } from "../support.ts";
import { CrashPoints, crashStates } from "./crash_states.ts";
import { explore } from "./exploration.ts";
import type { Observation } from "./observation.ts";
import { Oracle } from "./oracle.ts";
import type { Change } from "./recording_source.ts";
import { type Format, randomSteps, runSteps, type Step } from "./scenario.ts";
import { SparseFile } from "./sparse_file.ts";
import { FIRST_WRITTEN, readStamps, SECTOR, stamped } from "./stamp.ts";
import { newToy, TOY_FAULTS, toyFormat } from "./toy_format.ts";
import { demandOf, TriedStates } from "./tried_states.ts";
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

Deno.test("explore() tries a state once, of which the same is asked", () => {
  let tried = 0;
  const format = toyFormat();
  const counting: Format = {
    ...format,
    openWritable(source) {
      if (source instanceof SparseFile) tried++;
      return format.openWritable(source);
    },
  };
  const known = new TriedStates();
  const plan = { title: "toy", format: counting, base: newToy(), seed: 1, always: true, again: 0 };
  const states = explore({ ...plan, steps: STEPS, tried: known });
  assertEquals(tried, known.size);
  assertGreater(states, tried);
  assertGreater(tried, states / 3);
  assertEquals(explore({ ...plan, steps: STEPS, tried: known }), states);
  assertEquals(tried, known.size, "all of these have been tried");
  // What begins as these did has new states from there on, and of another file all are new.
  explore({ ...plan, steps: [...STEPS, ["write", 5, 2]], tried: known });
  const more = tried;
  assertEquals(more, known.size);
  assertGreater(more, states / 3);
  const other = newToy();
  runSteps(format, other, [["write", 0, 1]], 1, {});
  explore({ ...plan, base: other, steps: STEPS, tried: known });
  assertGreater(tried, more + states / 3);
});

Deno.test("TriedStates: what is another demand, or another file, is new", () => {
  const file = SparseFile.of(pattern(5000));
  const changed = file.fork();
  changed.writeAt(new Uint8Array([1]), 4999);
  const longer = file.fork();
  longer.truncate(5001);
  const tried = new TriedStates();
  for (
    const files of [[file], [changed], [longer], [file, file], [file, changed], [changed, file]]
  ) {
    for (const demand of ["a", "b"]) {
      assert(tried.isNew(demand, files));
      assert(!tried.isNew(demand, files.map((each) => each.fork())));
    }
  }
  assertEquals(tried.size, 12);
  assertNotEquals(demandOf("a", "bc"), demandOf("ab", "c"));
});

Deno.test("the fingerprint of a file says what is in it, not how it came there", () => {
  const file = SparseFile.of(pattern(3 * 4096 + 5));
  const same = new SparseFile();
  for (let offset = file.size - 1; offset >= 0; offset -= 1000) {
    const start = Math.max(0, offset - 999);
    same.writeAt(file.bytes().subarray(start, offset + 1), start);
  }
  assertEquals(same.fingerprint(), file.fingerprint());
  // Cut off within a page of which nothing but zeros is left.
  const short = new SparseFile();
  short.writeAt(new Uint8Array([1]), 6000);
  short.truncate(5000);
  const hole = new SparseFile();
  hole.truncate(5000);
  assertEquals(short.fingerprint(), hole.fingerprint());
});

Deno.test("CrashPoints: a crash after some changes is what it is without those before", () => {
  const changes = [3, 9, 9, 0, 40, 7].flatMap((at, i): Change[] => [
    { kind: "write", offset: at * 512, bytes: pattern(700, i) },
    ...(i % 2 === 0 ? [{ kind: "flush" } as const] : []),
  ]);
  const source = { base: newToy(), changes };
  const along = new CrashPoints(source);
  for (let point = 0; point <= changes.length; point++) {
    const leftBy = (points: CrashPoints) =>
      [...points.statesAt(point, new Random(point), 2)].map(({ file, description }) =>
        `${description()}: ${file.fingerprint()}`
      );
    assertEquals(leftBy(along), leftBy(new CrashPoints(source)));
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
