/** Objects that hold bytes, in the shape of `FileSystemSyncAccessHandle`, for tests of images without a path. */
import type { RandomAccess } from "@virtdisk/virtdisk";

/** One thing that was done to a handle. */
export type HandleCall =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "truncate"; readonly size: number }
  | { readonly kind: "flush" };

/** A file behind such an object. */
export function fileHandle(path: string): Required<RandomAccess> {
  const file = Deno.openSync(path, { read: true, write: true });
  const seek = (at: number) => file.seekSync(at, Deno.SeekMode.Start);
  return {
    read(buffer, { at }) {
      seek(at);
      return file.readSync(buffer) ?? 0;
    },
    write(buffer, { at }) {
      seek(at);
      return file.writeSync(buffer);
    },
    getSize: () => file.statSync().size,
    truncate: (size) => file.truncateSync(size),
    flush: () => file.syncSync(),
    close: () => file.close(),
  };
}

/** Bytes in memory that remember what was done to them. */
export class MemoryHandle implements Required<RandomAccess> {
  readonly calls: HandleCall[] = [];
  closed = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes one call reads or writes at most: callers must go on. */
  readonly #most: number;

  constructor(bytes: Uint8Array, most = Infinity) {
    this.#bytes = bytes.slice();
    this.#most = most;
  }

  /** A copy of what it holds. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  read(buffer: Uint8Array, { at }: { at: number }): number {
    const part = this.#bytes.subarray(at, at + Math.min(buffer.length, this.#most));
    buffer.set(part);
    return part.length;
  }

  write(buffer: Uint8Array, { at }: { at: number }): number {
    const bytes = buffer.slice(0, this.#most);
    this.calls.push({ kind: "write", at, bytes });
    if (at + bytes.length > this.#bytes.length) this.#resize(at + bytes.length);
    this.#bytes.set(bytes, at);
    return bytes.length;
  }

  getSize(): number {
    return this.#bytes.length;
  }

  truncate(size: number): void {
    this.calls.push({ kind: "truncate", size });
    this.#resize(size);
  }

  flush(): void {
    this.calls.push({ kind: "flush" });
  }

  close(): void {
    this.closed++;
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, size));
    this.#bytes = bytes;
  }
}

/** What bytes are after calls were made. */
export function afterCalls(
  bytes: Uint8Array,
  calls: readonly HandleCall[],
): Uint8Array<ArrayBuffer> {
  const handle = new MemoryHandle(bytes);
  for (const call of calls) {
    if (call.kind === "write") handle.write(call.bytes, call);
    else if (call.kind === "truncate") handle.truncate(call.size);
  }
  return handle.bytes;
}
