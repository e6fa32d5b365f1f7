/**
 * Sectors that say which sector they are and which version of it: so little is enough to know whether
 * what a crash left is old, new, or neither.
 */

/** The unit in which storage tears writes, whatever the logical sector size. */
export const SECTOR = 512;
const WORDS = SECTOR / 4;

/** What was never written, or trimmed: zeros. */
export const ZEROS = 0;
/** What a parent holds in each of its sectors. */
export const PARENT = 1;
/** The first version that a test writes. */
export const FIRST_WRITTEN = 2;
/** What no test wrote into that sector. */
export const FOREIGN = 0xffffffff;

/** The contents of sectors from `first` on in the version. */
export function stamped(first: number, count: number, version: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(count * WORDS);
  for (let sector = 0; version !== ZEROS && sector < count; sector++) {
    for (let i = 0; i < WORDS; i += 2) {
      words[sector * WORDS + i] = version;
      words[sector * WORDS + i + 1] = first + sector;
    }
  }
  return new Uint8Array(words.buffer);
}

/** Sectors that begin as one version and end as another, by their numbers: both versions. */
export type TornSectors = ReadonlyMap<number, readonly [start: number, end: number]>;

/**
 * Which versions of the sectors from `first` on the bytes hold, put into `versions` at `first`: FOREIGN for one that is
 * torn, which is put into `torn` too.
 */
export function readStamps(
  bytes: Uint8Array,
  first: number,
  versions: Uint32Array,
  torn = new Map<number, readonly [number, number]>(),
): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (let at = 0, sector = first; at < words.length; at += WORDS, sector++) {
    const version = words[at]!;
    const length = stampedLength(words, at, WORDS, sector);
    versions[sector] = length === WORDS ? version : FOREIGN;
    if (length === 0 || length === WORDS) continue;
    if (stampedLength(words, at + length, WORDS - length, sector) < WORDS - length) continue;
    torn.set(sector, [version, words[at + length]!]);
  }
}

/** How many of `count` words are stamps of that sector, in the version of the first of them. */
function stampedLength(words: Uint32Array, at: number, count: number, sector: number): number {
  const version = words[at]!;
  const number = version === ZEROS ? 0 : sector;
  for (let i = 0; i < count; i += 2) {
    if (words[at + i] !== version || words[at + i + 1] !== number) return i;
  }
  return count;
}
