/** What a crash can leave of an image that was being compacted. */
import { assertEquals, assertLessOrEqual } from "@std/assert";
import { placedBlocks } from "../../src/portable/vhdx/block_scan.ts";
import { headerFault } from "../../src/portable/vhdx/header.ts";
import { readStructures, tablesOf } from "../../src/portable/vhdx/structures.ts";
import type { Random } from "../fuzz/random.ts";
import { logOf } from "../portable/vhdx/raised.ts";
import { HEADERS } from "../portable/vhdx/vhdx_builder.ts";
import { sampled } from "../sampling.ts";
import { type Case, compact, versionsOf } from "./compaction_cases.ts";
import { crashStates } from "./crash_states.ts";
import type { RecordingSource } from "./recording_source.ts";
import type { SparseFile } from "./sparse_file.ts";
import { SECTOR, stamped } from "./stamp.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const PROBE = 9_999;

/**
 * Every state that is tried reads as the image did, and can be compacted.
 *
 * @param size Of the file when it has been.
 * @returns How many states were tried.
 */
export async function exploreStates(
  each: Case,
  { base, changes }: RecordingSource<never>,
  size: number,
  random: Random,
): Promise<number> {
  const { format } = each;
  const expected = versionsOf(each, base);
  const { identifier } = format.open(base);
  let states = 0;
  for (
    const { file, point, description } of sampled(crashStates(base, changes, random, each.samples))
  ) {
    states++;
    try {
      assertEquals(versionsOf(each, file), expected);
      assertEquals(format.open(file).identifier, identifier);
      format.checkLeft?.(file);
      if (format === VHDX) assertLogsLieFree(file);
      await checkResumed(each, file, expected, size, random);
    } catch (error) {
      throw new Error(`change ${point} of ${changes.length}: ${description()}`, { cause: error });
    }
  }
  return states;
}

/** Whichever header is chosen: the log that it names is in the file, and nothing else lies there. */
function assertLogsLieFree(file: SparseFile): void {
  const structures = readStructures(file);
  const used = [
    ...[...structures.occupied].filter(({ name }) => name !== "log"),
    ...placedBlocks(structures, tablesOf(structures)),
  ];
  for (const header of HEADERS.filter((offset) => headerFault(file, offset) === undefined)) {
    const { offset, length } = logOf(file, header);
    assertLessOrEqual(offset + length, file.size);
    const over = used.find((other) =>
      other.offset < offset + length && offset < other.offset + other.length
    );
    assertEquals(over, undefined, `the header at ${header} names a log at ${offset}`);
  }
}

/** It can be compacted, to the same size, and written to before. */
async function checkResumed(
  each: Case,
  file: SparseFile,
  expected: Uint32Array,
  size: number,
  random: Random,
): Promise<void> {
  const { format } = each;
  const resumed = file.fork();
  format.openWritable(resumed).finish();
  await compact(each, resumed);
  format.checkClosed?.(resumed);
  assertEquals(versionsOf(each, resumed), expected);
  assertEquals(resumed.size, size);
  const written = random.chance(50) ? resumed : file.fork();
  const image = format.openWritable(written);
  const sector = random.below(expected.length);
  image.write(stamped(sector, 1, PROBE), sector * SECTOR);
  image.finish();
  const changed = expected.slice().fill(PROBE, sector, sector + 1);
  assertEquals(versionsOf(each, written), changed);
}
