import { assertEquals } from "@std/assert";
import { dataRuns } from "../../../src/portable/image/blocks.ts";
import { pureTest } from "../../pure.ts";

const KIB = 1024;
const GRAIN = 64 * KIB;

function withByteAt(length: number, ...offsets: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (const offset of offsets) bytes[offset] = 1;
  return bytes;
}

pureTest("dataRuns() gives grains that hold something, neighbours joined", () => {
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
