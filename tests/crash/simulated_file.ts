/** An open file of a simulated folder, as far as images are read and written. */
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import type { Change } from "./recording_source.ts";

/** Stands in for `Deno.FsFile`. */
export class SimulatedFile implements Disposable {
  readonly #source: ByteSource;
  readonly #change: (change: Change) => void;
  #position = 0;

  /** @param change Does what is asked for, or fails. */
  constructor(source: ByteSource, change: (change: Change) => void) {
    this.#source = source;
    this.#change = change;
  }

  seekSync(offset: number): number {
    return this.#position = offset;
  }

  readSync(buffer: Uint8Array): number | null {
    const count = this.#source.readAt(buffer, this.#position);
    this.#position += count;
    return count === 0 && buffer.length > 0 ? null : count;
  }

  writeSync(bytes: Uint8Array): number {
    this.#change({ kind: "write", offset: this.#position, bytes });
    this.#position += bytes.length;
    return bytes.length;
  }

  truncateSync(size: number): void {
    this.#change({ kind: "truncate", size });
  }

  syncSync(): void {
    this.#change({ kind: "flush" });
  }

  statSync(): { readonly size: number; readonly dev: number; readonly ino: number } {
    return { size: this.#source.size, dev: 1, ino: 1 };
  }

  /** Nobody else is there. */
  tryLockSync(): boolean {
    return true;
  }

  unlockSync(): void {}

  close(): void {}

  [Symbol.dispose](): void {}
}
