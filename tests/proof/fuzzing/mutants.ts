/** Files that a fuzzer makes: a sound file, of which all mutants share the pages, and what is changed in it. */
import type { SparseFile } from "../../crash/sparse_file.ts";
import { GuardedFile } from "../../fuzz/guarded_file.ts";
import type { Random } from "../../fuzz/random.ts";

/** A sound file, and what is known of it. */
export interface Base {
  readonly name: string;
  readonly file: SparseFile;
  /** Where its fields are: a start and how many bytes. */
  readonly fields: readonly (readonly [start: number, length: number])[];
  readonly isLittleEndian: boolean;
  /** What a field may hold that is no number, in the encoding of the format. */
  readonly words: readonly Uint8Array[];
  /** Makes the checksums right of what has been changed. */
  seal(file: SparseFile, isChanged: (offset: number, length: number) => boolean): void;
  /** A change that the format is known to be sensitive to, beyond those of single fields. */
  special?(file: SparseFile, random: Random): Patch[];
}

/** Bytes over those of the file. */
export interface Patch {
  readonly offset: number;
  /** In hexadecimal. */
  readonly bytes: string;
}

/** A changed file, as it is written down. */
export interface Mutant {
  /** The name of its base. */
  readonly base: string;
  readonly patches: readonly Patch[];
  /** Bytes, if the file was cut or made longer. */
  readonly size?: number;
  /** Whether checksums are made right. */
  readonly isSealed: boolean;
  /** For what is done with it. */
  readonly seed: number;
}

/** The file of a mutant. */
export function fileOf(base: Base, mutant: Mutant): GuardedFile {
  const { patches, isSealed } = mutant;
  const file = patched(base, mutant);
  if (isSealed) {
    base.seal(
      file,
      (offset, length) =>
        patches.some((patch) =>
          patch.offset < offset + length && offset < patch.offset + patch.bytes.length / 2
        ),
    );
  }
  return GuardedFile.over(file);
}

/** The file with its changes; checksums are what they were. */
function patched(base: Base, { patches, size }: Pick<Mutant, "patches" | "size">): SparseFile {
  const file = base.file.fork();
  if (size !== undefined) file.truncate(size);
  for (const each of patches) apply(file, each);
  return file;
}

function apply(file: SparseFile, { offset, bytes }: Patch): void {
  file.writeAt(Uint8Array.fromHex(bytes), offset);
}

/** Numbers at which checks and sums go wrong. */
const NUMBERS = [
  0n,
  1n,
  2n,
  3n,
  7n,
  31n,
  63n,
  511n,
  512n,
  513n,
  2047n,
  2048n,
  4095n,
  4096n,
  65535n,
  65536n,
  2n ** 20n,
  2n ** 21n,
  2n ** 26n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 46n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const WIDTHS = [1, 2, 4, 4, 8, 8] as const;
/** Bytes that are moved. */
const SPANS = [4, 8, 16, 32, 64, 512] as const;
/** More changes than these teach nothing, and cost time. */
const MOST_PATCHES = 24;
const MAX_LONGER = 1 << 21;

/** Changes a mutant once more, or a few times; of two parents the other gives changes too. */
export function mutate(base: Base, parent: Mutant, other: Mutant, random: Random): Mutant {
  const patches = [...parent.patches];
  let { size = base.file.size } = parent;
  if (patches.length > 0 && random.chance(15)) patches.splice(random.below(patches.length), 1);
  if (other.base === base.name && random.chance(15)) {
    for (const patch of other.patches) if (random.chance(50)) patches.push(patch);
  }
  const file = patched(base, { patches, size });
  for (let n = random.pick([1, 1, 1, 2, 3, 5]); n > 0; n--) {
    if (random.chance(3)) {
      size = random.chance(60) ? random.below(size + 1) : size + random.below(MAX_LONGER);
      file.truncate(size);
      continue;
    }
    for (const change of changes(base, file, random)) {
      apply(file, change);
      patches.push(change);
    }
  }
  const kept = patches.filter(({ offset, bytes }) => offset + bytes.length / 2 <= size)
    .slice(-MOST_PATCHES);
  return {
    base: base.name,
    patches: kept,
    ...(size === base.file.size ? {} : { size }),
    isSealed: random.chance(85),
    seed: random.uint32(),
  };
}

function changes(base: Base, file: SparseFile, random: Random): Patch[] {
  const offset = placeOf(base, file, random);
  const kind = random.below(100);
  if (kind < 12 && base.special !== undefined) return base.special(file, random);
  if (kind < 30) {
    const [byte] = bytesAt(file, offset, 1);
    return [patch(offset, Uint8Array.of((byte ?? 0) ^ 1 << random.below(8)))];
  }
  if (kind < 40) {
    // What is elsewhere: two structures where there was one, or two at one place.
    return [patch(offset, bytesAt(file, placeOf(base, file, random), random.pick(SPANS)))];
  }
  if (kind < 46 && base.words.length > 0) return [patch(offset, random.pick(base.words))];
  return [patch(offset, number(base, file, offset, random))];
}

function placeOf({ fields }: Base, file: SparseFile, random: Random): number {
  if (random.chance(4)) return random.below(Math.max(1, file.size));
  const [start, length] = random.pick(fields);
  const inField = random.below(length);
  return start + (random.chance(70) ? inField & ~3 : inField);
}

function number(base: Base, file: SparseFile, offset: number, random: Random): Uint8Array {
  const width = random.pick(WIDTHS);
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const old = bytesAt(file, offset, width);
  // As the most significant bytes, or the least.
  const start = base.isLittleEndian ? 0 : 8 - width;
  bytes.set(old, start);
  const before = view.getBigUint64(0, base.isLittleEndian);
  const value = random.pick([
    () => random.pick(NUMBERS),
    () => before + 1n,
    () => before - 1n,
    () => before << BigInt(1 + random.below(3)),
    () => before + BigInt(random.pick([512, 4096, 1 << 20])),
    () => BigInt(Math.floor(file.size / random.pick([1, 1, 512, 2048, 4096]))),
    () => random.pick(NUMBERS) << BigInt(random.pick([9, 12, 20])),
    () => BigInt(random.uint32()),
  ])();
  view.setBigUint64(0, BigInt.asUintN(8 * width, value), base.isLittleEndian);
  return bytes.slice(start, start + width);
}

function bytesAt(file: SparseFile, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, file.readAt(bytes, offset));
}

/** Bytes, as they are written down. */
export function patch(offset: number, bytes: Uint8Array): Patch {
  return { offset, bytes: bytes.toHex() };
}
