import { assertEquals } from "@std/assert";
import { type BitmapPieces, bitRun, bitRunIn } from "../../../src/portable/image/bit_run.ts";
import { pureTest } from "../../pure.ts";

/** A bitmap in the middle of a file, in short pieces; what lies before it and behind it is not to be read. */
class Pieces implements BitmapPieces {
  static readonly OFFSET = 6;
  readonly pieceLength: number;
  readonly #bytes: readonly number[];

  constructor(bytes: readonly number[], pieceLength: number) {
    this.#bytes = bytes;
    this.pieceLength = pieceLength;
  }

  piece(offset: number): Uint8Array {
    const index = offset - Pieces.OFFSET;
    if (index < 0 || index >= this.#bytes.length) {
      throw new Error(`byte ${index} is beyond the bitmap`);
    }
    const start = index - offset % this.pieceLength;
    // Shorter where the bitmap ends.
    return Uint8Array.from(this.#bytes.slice(start, start + this.pieceLength));
  }
}

/** Bitmaps in the order in which bits are counted, first bit and end, and the run from there. */
const rows: [string, string, number, number, boolean, number][] = [
  ["a single bit", "1000 0000", 0, 8, true, 1],
  ["zeros up to a one", "0001 0000", 0, 8, false, 3],
  ["from the middle of a byte", "0011 1100", 2, 8, true, 4],
  ["across bytes", "0000 0011 1100 0000", 6, 16, true, 4],
  ["across whole bytes of ones", "0001 1111 1111 1111 1111 1111 1000 0000", 3, 32, true, 22],
  ["across whole bytes of zeros", "1000 0000 0000 0000 0000 0001", 1, 24, false, 22],
  ["not beyond the end within a byte", "1111 1111", 0, 5, true, 5],
  ["not beyond the end within a whole byte", "1111 1111 1111 1111 1111 1111", 0, 20, true, 20],
  ["to the very end", "1111 1111 1111 1111", 0, 16, true, 16],
  ["the last bit", "1111 1110", 7, 8, false, 1],
];

pureTest("bitRun() finds how many bits are alike", async (t) => {
  for (const order of ["msb-first", "lsb-first"] as const) {
    for (const [name, bits, first, end, value, length] of rows) {
      await t.step(`${order}: ${name}`, () => {
        const bytes = bits.replaceAll(" ", "").match(/.{8}/g)!.map((byte) =>
          Number.parseInt(order === "msb-first" ? byte : [...byte].reverse().join(""), 2)
        );
        assertEquals(bitRun(Uint8Array.from(bytes), first, end, order), { value, length });
        for (const pieceLength of [1, 2]) {
          const pieces = new Pieces(bytes, pieceLength);
          const run = bitRunIn(pieces, Pieces.OFFSET, first, end, order);
          assertEquals(run, { value, length });
        }
      });
    }
  }
});

pureTest("bitRun() agrees with a count bit by bit, wherever it begins and ends", () => {
  const bytes = [0x00, 0xff, 0xf0, 0x0f, 0xff, 0xff, 0x7f, 0x00, 0x01, 0x80, 0xaa];
  const pieces = new Pieces(bytes, 2);
  for (const order of ["msb-first", "lsb-first"] as const) {
    const bit = (i: number) =>
      (bytes[i >> 3]! & (order === "msb-first" ? 0x80 >> (i & 7) : 1 << (i & 7))) !== 0;
    for (let first = 0; first < bytes.length * 8; first++) {
      for (let end = first + 1; end <= bytes.length * 8; end++) {
        let length = 1;
        while (first + length < end && bit(first + length) === bit(first)) length++;
        const expected = { value: bit(first), length };
        const run = bitRun(Uint8Array.from(bytes), first, end, order);
        assertEquals(run, expected, `${order} ${first} to ${end}`);
        const inPieces = bitRunIn(pieces, Pieces.OFFSET, first, end, order);
        assertEquals(inPieces, expected, `${order} ${first} to ${end}, in pieces`);
      }
    }
  }
});
