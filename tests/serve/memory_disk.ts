/** A disk in memory that notes what it is asked, and fails when it is told to. */
import type {
  Extent,
  InformationKind,
  VirtualDiskInformation,
  ZeroOptions,
} from "@virtdisk/virtdisk";
import type { ServableDisk } from "@virtdisk/virtdisk/serve";

const BLOCK = 1024 * 1024;

export class MemoryDisk implements ServableDisk {
  readonly path = "/memory.vhdx";
  readonly format = "vhdx";
  readonly parents = [];
  readonly size: number;
  readonly readOnly: boolean;
  readonly bytes: Uint8Array;
  readonly calls: string[] = [];
  /** Thrown by every read and write that touches this place. */
  failsAt: { place: number; error: Error } | undefined;

  constructor(size: number, { readOnly = false } = {}) {
    this.size = size;
    this.readOnly = readOnly;
    this.bytes = new Uint8Array(size);
  }

  readSync(buffer: Uint8Array, offset: number): number {
    this.#touch(offset, buffer.length);
    buffer.set(this.bytes.subarray(offset, offset + buffer.length));
    return buffer.length;
  }

  writeSync(buffer: Uint8Array, offset: number): number {
    if (buffer.length > 0) this.calls.push("write");
    this.#touch(offset, buffer.length);
    this.bytes.set(buffer, offset);
    return buffer.length;
  }

  zeroSync(offset: number, length: number, { allocate = false }: ZeroOptions = {}): void {
    this.calls.push(allocate ? "zero and allocate" : "zero");
    this.#touch(offset, length);
    this.bytes.fill(0, offset, offset + length);
  }

  trimSync(offset: number, length: number): void {
    this.calls.push("trim");
    this.#touch(offset, length);
  }

  flushSync(): void {
    this.calls.push("flush");
  }

  /** Blocks of zeros are not there. */
  *extents({ offset, length }: { offset: number; length: number }): Generator<Extent> {
    const end = Math.min(this.size, offset + length);
    for (let start = offset; start < end;) {
      const stop = Math.min(end, (Math.floor(start / BLOCK) + 1) * BLOCK);
      const isZero = this.bytes.subarray(start, stop).every((byte) => byte === 0);
      const piece = { offset: start, length: stop - start };
      yield isZero
        ? { kind: "zero", ...piece }
        : { kind: "file", ...piece, path: this.path, fileOffset: start };
      start = stop;
    }
  }

  getInformation<K extends InformationKind>(kind: K): VirtualDiskInformation[K] {
    const known: Partial<VirtualDiskInformation> = {
      size: { virtualSize: this.size, physicalSize: this.size, blockSize: BLOCK, sectorSize: 512 },
      providerSubtype: "dynamic",
    };
    return known[kind]!;
  }

  #touch(offset: number, length: number): void {
    if (!this.failsAt) return;
    const { place, error } = this.failsAt;
    if (offset <= place && place < offset + length) throw error;
  }
}
