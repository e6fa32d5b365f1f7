import { assertEquals } from "@std/assert";
import { dataRuns, isZero } from "../../../src/portable/operations/zero_bytes.ts";

const KIB = 1024;
const GRAIN = 64 * KIB;

function withByteAt(length: number, ...offsets: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (const offset of offsets) bytes[offset] = 1;
  return bytes;
}

Deno.test("isZero() sees a single byte, wherever it is", () => {
  for (const length of [1, 511, GRAIN, GRAIN + 1, 3 * GRAIN - 1]) {
    assertEquals(isZero(new Uint8Array(length)), true);
    for (const offset of [0, length >> 1, length - 1]) {
      assertEquals(isZero(withByteAt(length, offset)), false, `${offset} of ${length}`);
    }
  }
});

Deno.test("dataRuns() gives grains that hold something, neighbours joined", () => {
  const rows: [bytes: Uint8Array, expected: [start: number, end: number][]][] = [
    [new Uint8Array(0), []],
    [new Uint8Array(3 * GRAIN), []],
    [withByteAt(100, 99), [[0, 100]]],
    [withByteAt(3 * GRAIN, GRAIN), [[GRAIN, 2 * GRAIN]]],
    [withByteAt(4 * GRAIN, GRAIN - 1, GRAIN, 3 * GRAIN), [[0, 2 * GRAIN], [3 * GRAIN, 4 * GRAIN]]],
    [withByteAt(2 * GRAIN + 5, 2 * GRAIN + 4), [[2 * GRAIN, 2 * GRAIN + 5]]],
  ];
  for (const [bytes, expected] of rows) {
    assertEquals([...dataRuns(bytes)].map(({ start, end }) => [start, end]), expected);
  }
});
