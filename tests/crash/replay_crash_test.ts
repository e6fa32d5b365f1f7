/** A crash while a log is replayed to the file: the disk stays what the log makes of it. */
import { assertEquals, assertGreater } from "@std/assert";
import { createHash } from "node:crypto";
import { repairVhdx } from "../../src/portable/vhdx/check.ts";
import { type DiskImage, imageExtents } from "../../src/portable/image/image.ts";
import { Random } from "../fuzz/random.ts";
import {
  batPage,
  dirtyVhdx,
  type EntrySpec,
  PAGE,
  putEntries,
} from "../portable/vhdx/log_builder.ts";
import { FIRST_BLOCK, MIB } from "../portable/vhdx/vhdx_builder.ts";
import { readImage } from "../portable/image/read_image.ts";
import { pattern, sharedImageNeed, TempDir, testWith, unpackSharedImage } from "../support.ts";
import { explored, sampled, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { RecordingSource } from "./recording_source.ts";
import { SparseFile } from "./sparse_file.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const SEED = 23;
const SAMPLES = 6;
/** Made by Windows 10, which was stopped before it had applied its log. */
const WINDOWS_IMAGE = "vhdx-log-replay.vhdx.gz";

const page = (number: number, seed: number) => ({
  offset: FIRST_BLOCK + number * PAGE,
  page: pattern(PAGE, seed),
});
const zeros = (number: number, count: number) => ({
  offset: FIRST_BLOCK + number * PAGE,
  zeros: count * PAGE,
});

/** Logs: where the first entry lies, and the entries. */
const LOGS: Record<string, [number, readonly EntrySpec[]]> = {
  "one entry": [0, [{ sequence: 1n, changes: [batPage(6, 4), page(3, 1)] }]],
  "no change": [0, [{ sequence: 7n }]],
  "entries that overwrite each other": [8 * PAGE, [
    { sequence: 1n, changes: [batPage(6, 4), page(0, 1), page(1, 1), zeros(2, 4)] },
    { sequence: 2n, tail: 8 * PAGE, changes: [page(1, 2), page(4, 2)] },
    { sequence: 3n, tail: 8 * PAGE, changes: [zeros(0, 1), page(5, 3), zeros(60, 100)] },
  ]],
  "an entry around its end": [MIB - 3 * PAGE, [
    { sequence: 2n ** 63n, changes: [batPage(6, 4), page(0, 1)] },
    { sequence: 2n ** 63n + 1n, tail: MIB - 3 * PAGE, changes: [page(1, 2), zeros(40, 3)] },
  ]],
};

for (const [what, [position, entries]] of Object.entries(LOGS)) {
  for (const length of [4 * MIB, 5 * MIB]) {
    Deno.test(`replaying a log with ${what} into a file of ${length} bytes may crash`, () => {
      const builder = dirtyVhdx();
      if (length > builder.bytes.length) builder.append(new Uint8Array(MIB).fill(0x55));
      const sized = entries.map((entry) => ({ flushed: length, last: 5 * MIB, ...entry }));
      putEntries(builder, position, ...sized);
      const states = crashReplay(SparseFile.of(builder.bytes));
      explored(`replaying a log with ${what}`, { "crash states": states });
    });
  }
}

testWith(
  [sharedImageNeed(WINDOWS_IMAGE)],
  "replaying the log of an image made by Windows may crash",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage(WINDOWS_IMAGE, dir);
    const states = crashReplay(SparseFile.of(Deno.readFileSync(path)));
    explored(`replaying the log of an image made by Windows`, { "crash states": states });
  },
);

Deno.test("discarding a damaged log may crash", () => {
  const builder = dirtyVhdx();
  builder.append(new Uint8Array(MIB).fill(0x55));
  const sizes = { tail: 0, flushed: 5 * MIB, last: 5 * MIB };
  const entries = [page(0, 1), page(1, 2), page(2, 3)].map((change, i) => (
    { sequence: BigInt(i + 1), changes: [batPage(6, 4), change], ...sizes }
  ));
  putEntries(builder, 0, ...entries);
  builder.bytes[MIB + 3 * PAGE] = 0;
  const base = SparseFile.of(builder.bytes);
  const recording = new RecordingSource<never>(base);
  repairVhdx(recording, true);
  const expected = contents(VHDX.open(recording));
  let states = 0;
  for (const state of sampled(crashStates(base, recording.changes, new Random(SEED), SAMPLES))) {
    repairVhdx(state.file, true);
    assertEquals(contents(VHDX.open(state.file)), expected, state.description());
    states++;
  }
  explored("repairing a damaged log", { "crash states": states });
  assertGreater(states, sampledBound(5));
});

/** Replays, crashes at every moment, and crashes once more in the replay that follows. */
function crashReplay(base: SparseFile): number {
  const random = new Random(SEED);
  const expected = contents(VHDX.open(base));
  let states = 0;
  for (const state of sampled(crashStates(base, replay(base), random, SAMPLES))) {
    const where = `seed ${SEED}, change ${state.point}: ${state.description()}`;
    assertEquals(contents(VHDX.open(state.file)), expected, where);
    const [again] = [...crashStates(state.file, replay(state.file), random, 1)].slice(
      -1 - random.below(10),
    );
    assertEquals(contents(VHDX.open(again!.file)), expected, `${where}\n${again!.description()}`);
    states += 2;
  }
  assertGreater(states, sampledBound(2));
  return states;
}

/** Where the disk has data, and the hash of them: zeros are not worth a second per GiB. */
function contents(image: DiskImage): string {
  const hash = createHash("sha256");
  const places: string[] = [];
  for (const { kind, offset, length } of imageExtents(image, 0, image.virtualSize)) {
    if (kind !== "file") continue;
    places.push(`${offset}+${length}`);
    hash.update(readImage([image], offset, length));
  }
  return `${places.join(" ")}: ${hash.digest("hex")}`;
}

/** What a writable open and a close change. */
function replay(file: SparseFile) {
  const recording = new RecordingSource<never>(file);
  VHDX.openWritable(recording).finish();
  return recording.changes;
}
