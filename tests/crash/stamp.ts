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

/** Which versions of the sectors from `first` on the bytes hold, put into `versions` at `first`. */
export function readStamps(bytes: Uint8Array, first: number, versions: Uint32Array): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  for (let at = 0, sector = first; at < words.length; at += WORDS, sector++) {
    versions[sector] = readStamp(words, at, sector);
  }
}

function readStamp(words: Uint32Array, at: number, sector: number): number {
  const version = words[at]!;
  const number = version === ZEROS ? 0 : sector;
  for (let i = at; i < at + WORDS; i += 2) {
    if (words[i] !== version || words[i + 1] !== number) return FOREIGN;
  }
  return version;
}
