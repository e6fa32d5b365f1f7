/**
 * What a disk must hold, byte for byte, and what else a crash may leave of it: the oracle of the simulation.
 *
 * What was flushed must be there. A sector that was written since is what it was, or what any write since has made of it.
 */
import { Buffer } from "node:buffer";

/** In which no write is torn, whatever the sectors of the disk. */
const SECTOR = 512;

/** A disk. */
export class DiskModel {
  /** What is read of it while nothing crashes. */
  bytes: Uint8Array<ArrayBuffer>;
  /** By sector that is not known to be durable: all that it may be, beside what it is now. */
  #possible = new Map<number, Uint8Array[]>();

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  /** Whether there is anything that a crash may take back. */
  get isDurable(): boolean {
    return this.#possible.size === 0;
  }

  /** An independent copy. */
  fork(): DiskModel {
    const fork = new DiskModel(this.bytes.slice());
    for (const [sector, each] of this.#possible) fork.#possible.set(sector, [...each]);
    return fork;
  }

  /** The bytes are written. */
  write(bytes: Uint8Array, offset: number): void {
    this.mayWrite(bytes, offset);
    this.bytes.set(bytes, offset);
  }

  /** The bytes may be written, sector by sector, now or later, and are not yet. */
  mayWrite(bytes: Uint8Array, offset: number): void {
    const first = Math.floor(offset / SECTOR);
    const end = Math.ceil((offset + bytes.length) / SECTOR);
    // What the sectors were, and what they become: one copy of each for all of them.
    const before = this.bytes.slice(first * SECTOR, end * SECTOR);
    const after = before.slice();
    after.set(bytes.subarray(0, after.length - (offset - first * SECTOR)), offset - first * SECTOR);
    for (let sector = first; sector < end; sector++) {
      const [from, to] = [(sector - first) * SECTOR, (sector - first + 1) * SECTOR];
      const known = this.#possible.get(sector) ?? [];
      known.push(before.subarray(from, to), after.subarray(from, to));
      this.#possible.set(sector, known);
    }
  }

  /** All that was written is durable. */
  flushed(): void {
    this.#possible.clear();
  }

  /** It has another size; what is added are zeros. */
  resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, Math.min(size, this.size)));
    for (const sector of this.#possible.keys()) {
      if (sector * SECTOR >= size) this.#possible.delete(sector);
    }
    this.bytes = bytes;
  }

  /** What of the bytes read at a place is not what the disk must hold while nothing crashes; `undefined` if all is right. */
  difference(seen: Uint8Array, offset = 0): string | undefined {
    const expected = this.bytes.subarray(offset, offset + seen.length);
    if (seen.length === expected.length && Buffer.compare(seen, expected) === 0) return undefined;
    const at = seen.findIndex((byte, i) => byte !== expected[i]);
    return `byte ${offset + at} is ${seen[at]}, expected is ${expected[at]}`;
  }

  /** What of the whole disk, or of a part of it, is neither what it is nor what it may be; `undefined` if all is allowed. */
  breach(seen: Uint8Array, offset = 0): string | undefined {
    if (this.difference(seen, offset) === undefined) return undefined;
    if (offset === 0 && seen.length !== this.size && seen.length > this.size) {
      return `the disk has ${seen.length} bytes, not ${this.size}`;
    }
    const first = Math.floor(offset / SECTOR);
    const end = Math.ceil((offset + seen.length) / SECTOR);
    for (let sector = first; sector < end; sector++) {
      const start = Math.max(offset, sector * SECTOR);
      const piece = seen.subarray(start - offset, (sector + 1) * SECTOR - offset);
      const inSector = start - sector * SECTOR;
      const isOneOf = (each: Uint8Array) =>
        Buffer.compare(piece, each.subarray(inSector, inSector + piece.length)) === 0;
      if (isOneOf(this.bytes.subarray(sector * SECTOR, (sector + 1) * SECTOR))) continue;
      const possible = this.#possible.get(sector);
      if (possible?.some(isOneOf)) continue;
      const expected = this.bytes.subarray(start, start + piece.length);
      const at = piece.findIndex((byte, i) => byte !== expected[i]);
      const why = possible === undefined
        ? "which was durable, or never written"
        : `and none of the ${possible.length} states since the last flush`;
      return `byte ${start + at} (sector ${sector}) is ${piece[at]}, not ${expected[at]}, ${why}`;
    }
    return undefined;
  }

  /** It was read, and is so; what else a crash may leave stays possible. */
  adopt(seen: Uint8Array, offset = 0): void {
    if (this.difference(seen, offset) === undefined) return;
    for (const sector of this.#possible.keys()) {
      const [from, to] = [sector * SECTOR, (sector + 1) * SECTOR];
      if (to <= offset || from >= offset + seen.length) continue;
      this.#possible.get(sector)!.push(this.bytes.slice(from, to));
    }
    this.bytes.set(seen, offset);
  }

  /** It was read after a crash of the whole machine: nothing else is left of it. */
  adoptAsDurable(seen: Uint8Array<ArrayBuffer>): void {
    this.bytes = seen;
    this.#possible.clear();
  }
}
