/** Random VHDX logs, replayed in memory; the oracle is a byte array to which each change is applied. */
import { assertEquals } from "@std/assert";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import {
  type Change,
  dirtyVhdx,
  type EntrySpec,
  logEntry,
  PAGE,
  putEntries,
} from "../portable/vhdx/log_builder.ts";
import { FIRST_BLOCK, MIB, VhdxBuilder } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, pattern } from "../support.ts";
import { explored, sampledRounds } from "../sampling.ts";
import { Random } from "./random.ts";

const ROUNDS = sampledRounds(200);

/** A file with the mark of a log, 5 MiB long. */
const CLEAN = (() => {
  const image = dirtyVhdx();
  image.append(pattern(MIB, 77));
  return image.bytes;
})();

/** Entries with changes in the megabyte of the first block and the one behind, which the file lacks. */
function randomLog(random: Random, start: number): EntrySpec[] {
  const entries: EntrySpec[] = [];
  let position = start;
  const positions: number[] = [];
  const first = 1n + BigInt(random.uint32());
  for (let i = 0; i < 1 + random.below(6); i++) {
    positions.push(position % MIB);
    const changes = Array.from({ length: random.below(random.chance(5) ? 150 : 9) }, (): Change => {
      const offset = FIRST_BLOCK + random.below(500) * PAGE;
      return random.chance(30)
        ? { offset, zeros: random.below(12) * PAGE }
        : { offset, page: pattern(PAGE, random.below(251)) };
    });
    const entry = {
      sequence: first + BigInt(i),
      tail: random.pick(positions),
      flushed: 5 * MIB,
      last: 6 * MIB,
      changes,
    };
    entries.push(entry);
    position += logEntry(entry, 0).length;
  }
  return entries;
}

Deno.test("random logs are replayed as if applied one change after the other", () => {
  for (let seed = 0; seed < ROUNDS; seed++) {
    const random = new Random(seed);
    const image = new VhdxBuilder(CLEAN.slice());
    const start = random.below(256) * PAGE;
    const entries = randomLog(random, start);
    putEntries(image, start, ...entries);
    const expected = new Uint8Array(6 * MIB);
    expected.set(image.bytes);
    let position = start;
    let needed = false;
    for (const entry of entries) {
      needed ||= position % MIB === entries.at(-1)!.tail;
      position += logEntry(entry, 0).length;
      for (const change of needed ? entry.changes! : []) {
        if ("page" in change) expected.set(change.page, change.offset);
        else expected.fill(0, change.offset, change.offset + change.zeros);
      }
    }
    const { source } = openVhdx(image.source());
    assertEquals(source.size, expected.length, `seed ${seed}`);
    // The blocks in pieces of any length, which begin and end within pages.
    for (let at = FIRST_BLOCK; at < expected.length;) {
      const piece = new Uint8Array(1 + random.below(100_000));
      const count = source.readAt(piece, at);
      const wanted = expected.subarray(at, at + piece.length);
      assertBytesEqual(piece.subarray(0, count), wanted, `seed ${seed}, from ${at} on:`);
      at += count;
    }
  }
  explored("random logs", { "damaged files": ROUNDS });
});
