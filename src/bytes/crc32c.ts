/** CRC-32C (Castagnoli), the checksum of VHDX headers, region tables and log entries ([MS-VHDX] 2.2). */
import { isAllZero } from "./zeros.ts";

/** The reflected polynomial 0x1EDC6F41. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables, so that eight bytes are taken in a step ("slicing by 8"). */
const TABLES: readonly Uint32Array[] = makeTables();

function makeTables(): Uint32Array[] {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[0]![n] = crc;
  }
  for (let k = 1; k < 8; k++) {
    for (let n = 0; n < 256; n++) {
      const previous = tables[k - 1]![n]!;
      tables[k]![n] = (previous >>> 8) ^ tables[0]![previous & 0xff]!;
    }
  }
  return tables;
}

/** Header areas are mostly zeros: runs of so many bytes are taken in one step. */
const ZERO_RUN = 512;

/** What such a run makes of each value of each byte of the state; made when there is a run. */
let zeroRunTables: readonly Uint32Array[] | undefined;

/** The checksum of `bytes`; pass the checksum of what came before as `previous` to continue it. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  let state = ~previous;
  let start = 0;
  for (; start + ZERO_RUN <= bytes.length; start += ZERO_RUN) {
    const end = start + ZERO_RUN;
    // The ends first, which data seldom has zero: to look at all of it takes longer.
    const isZero = bytes[start] === 0 && bytes[end - 1] === 0 &&
      isAllZero(bytes.subarray(start, end));
    state = isZero ? stateAfterZeroRun(state) : stateAfter(state, bytes, start, end);
  }
  return ~stateAfter(state, bytes, start, bytes.length) >>> 0;
}

function stateAfter(state: number, bytes: Uint8Array, start: number, end: number): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = state;
  let i = start;
  for (; i + 8 <= end; i += 8) {
    crc = t7[(crc ^ bytes[i]!) & 0xff]! ^ t6[((crc >>> 8) ^ bytes[i + 1]!) & 0xff]! ^
      t5[((crc >>> 16) ^ bytes[i + 2]!) & 0xff]! ^ t4[(crc >>> 24) ^ bytes[i + 3]!]! ^
      t3[bytes[i + 4]!]! ^ t2[bytes[i + 5]!]! ^ t1[bytes[i + 6]!]! ^ t0[bytes[i + 7]!]!;
  }
  for (; i < end; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 0xff]!;
  return crc;
}

/** Zeros act on each bit of the state by itself, so on each byte. */
function stateAfterZeroRun(state: number): number {
  zeroRunTables ??= makeZeroRunTables();
  const [t0, t1, t2, t3] = zeroRunTables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  return t0[state & 0xff]! ^ t1[(state >>> 8) & 0xff]! ^ t2[(state >>> 16) & 0xff]! ^
    t3[state >>> 24]!;
}

function makeZeroRunTables(): Uint32Array[] {
  const zeros = new Uint8Array(ZERO_RUN);
  return [0, 8, 16, 24].map((shift) => {
    const table = new Uint32Array(256);
    for (let bit = 1; bit < 256; bit *= 2) {
      const after = stateAfter(bit << shift, zeros, 0, ZERO_RUN);
      for (let others = 0; others < bit; others++) table[bit + others] = table[others]! ^ after;
    }
    return table;
  });
}
