/**
 * Runs of clusters: where the parts of an attribute are in the volume.
 *
 * @module
 */
import type { Volume } from "../file_system.ts";
import { type NtfsGeometry, refusal } from "./boot_sector.ts";

/** Clusters one after the other. */
export interface Run {
  /** The first one: of the attribute. */
  readonly vcn: number;
  /** The first one: of the volume. `undefined` if there are none, and zeros are read. */
  readonly lcn: number | undefined;
  /** How many. */
  readonly count: number;
}

/**
 * Decodes mapping pairs: each a byte with two lengths, a number of clusters, and how far the first one is from the
 * one before.
 *
 * @param first The first cluster of the attribute that they are about.
 * @param expected How many clusters they must be about.
 * @throws {Refusal} If they are about others, or others than the volume has.
 */
export function decodeRuns(
  pairs: Uint8Array,
  first: number,
  expected: number,
  { clusterCount }: NtfsGeometry,
  what: string,
): Run[] {
  const runs: Run[] = [];
  let [vcn, lcn] = [first, 0];
  for (let at = 0; at < pairs.length && pairs[at] !== 0;) {
    const [countLength, distanceLength] = [pairs[at]! & 0x0f, pairs[at]! >> 4];
    const next = at + 1 + countLength + distanceLength;
    if (countLength === 0 || countLength > 8 || distanceLength > 8 || next > pairs.length) {
      throw refusal(`the runs of an attribute of ${what} cannot be read`);
    }
    const count = signed(pairs, at + 1, countLength);
    if (!(count > 0) || vcn + count > first + expected) {
      throw refusal(`the runs of an attribute of ${what} are about other clusters than it has`);
    }
    if (distanceLength > 0) {
      lcn += signed(pairs, at + 1 + countLength, distanceLength);
      if (!(lcn >= 0 && lcn + count <= clusterCount)) {
        throw refusal(`an attribute of ${what} has clusters that the volume does not have`);
      }
    }
    runs.push({ vcn, lcn: distanceLength > 0 ? lcn : undefined, count });
    vcn += count;
    at = next;
  }
  if (vcn !== first + expected) {
    throw refusal(`the runs of an attribute of ${what} are about other clusters than it has`);
  }
  return runs;
}

/** A little-endian number of two's complement. Inexact beyond 2^53, where no volume has clusters. */
function signed(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return bytes[at + length - 1]! >= 0x80 ? value - 256 ** length : value;
}

/** The bytes of an attribute that lies in clusters of the volume. */
export class Stream {
  /** Bytes. */
  readonly size: number;
  readonly runs: readonly Run[];
  readonly #validLength: number;
  readonly #volume: Volume;
  readonly #clusterSize: number;

  /** @param runs In order and without gaps, from the first cluster on, enough for all of `size`. */
  constructor(
    volume: Volume,
    { clusterSize }: NtfsGeometry,
    runs: readonly Run[],
    { size, validLength }: { readonly size: number; readonly validLength: number },
  ) {
    this.#volume = volume;
    this.#clusterSize = clusterSize;
    this.runs = runs;
    this.size = size;
    this.#validLength = validLength;
  }

  /** @param length The caller bounds it, and keeps the range inside. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const end = Math.min(offset + length, this.#validLength);
    let bytes: Uint8Array<ArrayBuffer> | undefined;
    for (let at = offset; at < end;) {
      const { vcn, lcn, count } = this.#runAt(Math.floor(at / this.#clusterSize));
      const inRun = at - vcn * this.#clusterSize;
      const piece = Math.min(end - at, count * this.#clusterSize - inRun);
      if (lcn !== undefined) {
        const read = this.#volume.read(lcn * this.#clusterSize + inRun, piece);
        // Most reads are of one run: these need no copy.
        if (piece === length) return read;
        bytes ??= new Uint8Array(length);
        bytes.set(read, at - offset);
      }
      at += piece;
    }
    return bytes ?? new Uint8Array(length);
  }

  #runAt(vcn: number): Run {
    let [low, high] = [0, this.runs.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.runs[middle]!.vcn <= vcn) low = middle;
      else high = middle - 1;
    }
    return this.runs[low]!;
  }
}
