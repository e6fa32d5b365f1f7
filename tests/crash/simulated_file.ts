/** An open file of a simulated folder, as far as images are read and written. */
import type { Change } from "./recording_source.ts";

/** What a file is opened in: it does what is asked of the file, or fails. */
export interface FileHost {
  /** Bytes. */
  size(): number;
  readAt(buffer: Uint8Array, offset: number): number;
  change(change: Change): void;
  /** What the file system says of it. */
  stat(): unknown;
  /** Whether the lock was free. */
  lock(isExclusive: boolean): boolean;
  unlock(): void;
  /** It is not used any more. */
  close(): void;
}

/** Stands in for `Deno.FsFile`. */
export class SimulatedFile implements Disposable {
  readonly #host: FileHost;
  #position = 0;
  #isClosed = false;

  constructor(host: FileHost) {
    this.#host = host;
  }

  seekSync(offset: number, whence = Deno.SeekMode.Start): number {
    const from = whence === Deno.SeekMode.End
      ? this.#host.size()
      : whence === Deno.SeekMode.Current
      ? this.#position
      : 0;
    return this.#position = from + offset;
  }

  readSync(buffer: Uint8Array): number | null {
    const count = this.#host.readAt(buffer, this.#position);
    this.#position += count;
    return count === 0 && buffer.length > 0 ? null : count;
  }

  writeSync(bytes: Uint8Array): number {
    this.#host.change({ kind: "write", offset: this.#position, bytes });
    this.#position += bytes.length;
    return bytes.length;
  }

  /** Done at once: there is nobody else who could see a part of it. */
  write(bytes: Uint8Array): Promise<number> {
    return Promise.try(() => this.writeSync(bytes));
  }

  truncateSync(size: number): void {
    this.#host.change({ kind: "truncate", size });
  }

  syncSync(): void {
    this.#host.change({ kind: "flush" });
  }

  syncDataSync(): void {
    this.syncSync();
  }

  syncData(): Promise<void> {
    return Promise.try(() => this.syncSync());
  }

  statSync(): unknown {
    return this.#host.stat();
  }

  tryLockSync(isExclusive: boolean): boolean {
    return this.#host.lock(isExclusive);
  }

  unlockSync(): void {
    this.#host.unlock();
  }

  close(): void {
    if (this.#isClosed) throw new Deno.errors.BadResource("Bad resource ID");
    this.#isClosed = true;
    this.#host.unlock();
    this.#host.close();
  }

  [Symbol.dispose](): void {
    if (!this.#isClosed) this.close();
  }
}
