/** Image files in memory, for tests that damage them or count what is read of them. */
import type { ByteSource } from "../../../src/portable/file/byte_source.ts";

/** Bytes as an image file. */
export class MemorySource implements ByteSource {
  readonly path = "/images/memory.img";
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of all reads so far. */
  bytesRead = 0;
  reads = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const piece = this.bytes.subarray(offset, offset + buffer.length);
    buffer.set(piece);
    this.bytesRead += piece.length;
    this.reads++;
    return piece.length;
  }
}

/** A file that is zeros but for a few pieces: as large as a test needs, without the memory. */
export class HoleySource implements ByteSource {
  readonly path = "/images/holey.img";
  readonly size: number;
  readonly #pieces: readonly { offset: number; bytes: Uint8Array }[];
  bytesRead = 0;

  constructor(size: number, pieces: readonly { offset: number; bytes: Uint8Array }[]) {
    this.size = size;
    this.#pieces = pieces;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(buffer.length, this.size - offset));
    buffer.fill(0, 0, length);
    for (const piece of this.#pieces) {
      const from = Math.max(offset, piece.offset);
      const to = Math.min(offset + length, piece.offset + piece.bytes.length);
      if (from >= to) continue;
      buffer.set(piece.bytes.subarray(from - piece.offset, to - piece.offset), from - offset);
    }
    this.bytesRead += length;
    return length;
  }
}
