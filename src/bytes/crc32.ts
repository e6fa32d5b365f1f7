/**
 * The checksums of 32 bits: CRC-32, of a GPT (UEFI 2.10, 5.3.2), and CRC-32C (Castagnoli), of VHDX headers,
 * region tables and log entries ([MS-VHDX] 2.2).
 *
 * That of `node:zlib` would cost each program that opens a disk more time at its start than it saves.
 */
import { isAllZero } from "./zeros.ts";

/** Of data, eight bytes are taken in a step ("slicing by 8"), by a table each. */
type Tables = readonly [
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
  Uint32Array,
];
/** Of runs of zeros, each byte of the state has a table. */
type RunTables = readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** Header areas are mostly zeros: runs of so many bytes, and of twice as many and so on, are taken in one step. */
const ZERO_RUN = 512;
/** The longest, in doublings of the shortest: 32 KiB, half a region table. */
const MAX_DOUBLINGS = 6;

class Checksum {
  readonly #polynomial: number;
  /** Made when there is something to be summed up. */
  #tables: Tables | undefined;
  /**
   * What a run of zeros makes of each value of each byte of the state, by how often the shortest is doubled; made when
   * there is such a run.
   */
  readonly #runTables: RunTables[] = [];

  /** @param polynomial Reflected: the lowest bit stands for the highest power. */
  constructor(polynomial: number) {
    this.#polynomial = polynomial;
  }

  of(bytes: Uint8Array, previous: number): number {
    const tables = this.#tables ??= makeTables(this.#polynomial);
    let state = ~previous;
    let start = 0;
    let isRestZero = false;
    while (start + ZERO_RUN <= bytes.length) {
      if (!isRestZero && !isZero(bytes, start, start + ZERO_RUN)) {
        state = stateAfter(tables, state, bytes, start, start + ZERO_RUN);
        start += ZERO_RUN;
        continue;
      }
      isRestZero ||= isZero(bytes, start, bytes.length);
      const doublings = zeroDoublings(bytes, start, isRestZero);
      state = stateAfterRun(this.#runOf(tables, doublings), state);
      start += ZERO_RUN << doublings;
    }
    return ~stateAfter(tables, state, bytes, start, bytes.length) >>> 0;
  }

  #runOf(tables: Tables, doublings: number): RunTables {
    return this.#runTables[doublings] ??= doublings === 0
      ? makeRunTables((state) => stateAfter(tables, state, ZEROS, 0, ZERO_RUN))
      : makeRunTables((state) => {
        const half = this.#runOf(tables, doublings - 1);
        return stateAfterRun(half, stateAfterRun(half, state));
      });
  }
}

const ZEROS = new Uint8Array(ZERO_RUN);

/**
 * How often the shortest run, whose bytes from `start` on are zero, can be doubled so that all of them still are.
 *
 * @param areAll Whether all bytes up to the end are known to be.
 */
function zeroDoublings(bytes: Uint8Array, start: number, areAll: boolean): number {
  let doublings = MAX_DOUBLINGS;
  while (start + (ZERO_RUN << doublings) > bytes.length) doublings--;
  if (areAll) return doublings;
  while (doublings > 0 && !isZero(bytes, start, start + (ZERO_RUN << doublings))) doublings--;
  return doublings;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  // The ends first, which data seldom has zero: to look at all of it takes longer.
  return bytes[start] === 0 && bytes[end - 1] === 0 && isAllZero(bytes.subarray(start, end));
}

const CRC32 = new Checksum(0xedb88320);
const CRC32C = new Checksum(0x82f63b78);

/** The CRC-32 of `bytes`; pass the checksum of what came before as `previous` to continue it. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  return CRC32.of(bytes, previous);
}

/** The CRC-32C of `bytes`; pass the checksum of what came before as `previous` to continue it. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return CRC32C.of(bytes, previous);
}

function makeTables(polynomial: number): Tables {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[0]![n] = crc;
  }
  for (let k = 1; k < 8; k++) {
    for (let n = 0; n < 256; n++) {
      const previous = tables[k - 1]![n]!;
      tables[k]![n] = (previous >>> 8) ^ tables[0]![previous & 0xff]!;
    }
  }
  return tables as unknown as Tables;
}

function stateAfter(
  [t0, t1, t2, t3, t4, t5, t6, t7]: Tables,
  state: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
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
function stateAfterRun([t0, t1, t2, t3]: RunTables, state: number): number {
  return t0[state & 0xff]! ^ t1[(state >>> 8) & 0xff]! ^ t2[(state >>> 16) & 0xff]! ^
    t3[state >>> 24]!;
}

/** @param afterRun What a run makes of a state. */
function makeRunTables(afterRun: (state: number) => number): RunTables {
  const runTables = [0, 8, 16, 24].map((shift) => {
    const table = new Uint32Array(256);
    for (let bit = 1; bit < 256; bit *= 2) {
      const after = afterRun(bit << shift);
      for (let others = 0; others < bit; others++) table[bit + others] = table[others]! ^ after;
    }
    return table;
  });
  return runTables as unknown as RunTables;
}
