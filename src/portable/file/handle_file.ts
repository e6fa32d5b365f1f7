/**
 * An image behind an object that reads and writes, or in an array of bytes.
 *
 * @module
 */
import { nameOfSource, type RandomAccess } from "../../disk/disk_source.ts";
import type { OpenFile } from "./byte_source.ts";
import { fileOperation } from "./file_operation.ts";
import { ImageError } from "./image_error.ts";
import { sourceIdentity } from "./image_file.ts";
import { WriteFailures } from "./write_failures.ts";

/** How a source without a path is opened. */
export interface HandleOptions {
  /** Open for writing too. */
  readonly write?: boolean;
  /** Leave the handle open when the file is closed. */
  readonly keepOpen?: boolean;
  /** Cancels what is fetched to open it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a {@linkcode RandomAccess} holds, as if it were a file. What it answers is not relied on: whoever wrote it may
 * have made a mistake, and the image would pay for it.
 */
export class HandleFile implements OpenFile {
  readonly path: string;
  readonly origin: object;
  readonly #handle: RandomAccess;
  readonly #keepOpen: boolean;
  #size: number;
  #closed = false;
  readonly #failures = new WriteFailures();

  /**
   * @throws {ImageError} `ERROR_WRITE_PROTECT` for what cannot be written and shall be; `ERROR_INVALID_DATA` for an
   * answer that makes no sense; what the handle itself throws, as a file would.
   */
  constructor(
    source: RandomAccess | Uint8Array,
    { write = false, keepOpen = false }: HandleOptions = {},
  ) {
    this.path = nameOfSource(source);
    this.origin = source;
    this.#handle = source instanceof Uint8Array ? bytesHandle(source) : source;
    this.#keepOpen = keepOpen;
    if (write) this.#assertWritable();
    this.#size = this.#whole("getSize()", handled(this.path, () => this.#handle.getSize()));
  }

  get size(): number {
    return this.#size;
  }

  get hasFailed(): boolean {
    return this.#failures.hasFailed;
  }

  get lacksRoom(): boolean {
    return this.#failures.lacksRoom;
  }

  retryable<T>(run: () => T): T {
    return this.#failures.retryable(run);
  }

  readAt(buffer: Uint8Array, offset: number): number {
    let done = 0;
    while (done < buffer.length) {
      const part = done === 0 ? buffer : buffer.subarray(done);
      const at = offset + done;
      const answer = handled(this.path, () => this.#handle.read(part, { at }));
      const count = this.#whole("read()", answer, part.length);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    this.#change(() => {
      let done = 0;
      while (done < bytes.length) {
        const part = done === 0 ? bytes : bytes.subarray(done);
        const answer = this.#handle.write!(part, { at: offset + done });
        const count = this.#whole("write()", answer, part.length);
        if (count === 0) throw this.#senseless("write()", answer);
        done += count;
      }
      this.#size = Math.max(this.#size, offset + bytes.length);
    });
  }

  truncate(size: number): void {
    this.#change(() => {
      this.#handle.truncate!(size);
      this.#size = size;
    });
  }

  flush(): void {
    this.#failures.flush(() => handled(this.path, () => this.#handle.flush!()));
  }

  identity(): string {
    return sourceIdentity(this);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (!this.#keepOpen) handled(this.path, () => this.#handle.close?.());
  }

  #assertWritable(): void {
    const missing = (["write", "truncate", "flush"] as const)
      .filter((name) => typeof this.#handle[name] !== "function");
    if (missing.length === 0) return;
    throw new ImageError("ERROR_WRITE_PROTECT", {
      path: this.path,
      reason: `what the disk is opened with can only be read: it lacks ${
        missing.map((name) => `${name}()`).join(", ")
      }`,
      causes: ["Give it these methods, or leave `readOnly` out."],
    });
  }

  #change(run: () => void): void {
    this.#failures.change(
      () => handled(this.path, run),
      () => handled(this.path, () => this.#undoGrowth()),
    );
  }

  /** Takes back what a change without room has done to the length. */
  #undoGrowth(): void {
    if (this.#handle.getSize() > this.#size) this.#handle.truncate!(this.#size);
  }

  /** An answer that is a number of bytes, at most `most`. */
  #whole(method: string, answer: number, most = Number.MAX_SAFE_INTEGER): number {
    if (Number.isSafeInteger(answer) && answer >= 0 && answer <= most) return answer;
    throw this.#senseless(method, answer);
  }

  #senseless(method: string, answer: unknown): ImageError {
    const isPromise = answer instanceof Promise;
    const found = isPromise ? "a promise" : String(answer);
    return new ImageError("ERROR_INVALID_DATA", {
      path: this.path,
      reason: `${method} of the handle gave ${found}, which is no number of bytes it was asked for`,
      causes: isPromise ? ["Every method must give its answer at once, not later."] : [],
    });
  }
}

/** Runs calls of the handle; what they throw becomes what a file would. */
function handled<T>(path: string, run: () => T): T {
  return fileOperation(path, () => {
    try {
      return run();
    } catch (error) {
      // What a browser's handle throws once the space is used up.
      if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
      const about = ["quota"];
      throw new ImageError("ERROR_DISK_FULL", { path, reason: error.message, about, cause: error });
    }
  }, "handle");
}

/** Bytes in memory; they grow and shrink if their buffer does, and if they go with it. */
function bytesHandle(bytes: Uint8Array): RandomAccess {
  return {
    getSize: () => bytes.length,
    read(buffer, { at }) {
      const part = bytes.subarray(at, at + buffer.length);
      buffer.set(part);
      return part.length;
    },
    write(buffer, { at }) {
      const end = at + buffer.length;
      if (end > bytes.length) resizeBytes(bytes, end);
      bytes.set(buffer, at);
      return buffer.length;
    },
    truncate(size) {
      if (size !== bytes.length) resizeBytes(bytes, size);
    },
    flush() {},
  };
}

function resizeBytes(bytes: Uint8Array, size: number): void {
  const { buffer, byteOffset, length } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.resizable) {
    const before = buffer.byteLength;
    if (byteOffset + size <= buffer.maxByteLength) {
      const tail = bytes.slice(size);
      buffer.resize(byteOffset + size);
      if (bytes.length === size) return;
      // An array of a fixed length does not go with its buffer.
      buffer.resize(before);
      bytes.set(tail, Math.min(size, length));
    }
  }
  throw new ImageError(size > length ? "ERROR_DISK_FULL" : "ERROR_NOT_SUPPORTED", {
    path: nameOfSource(bytes),
    reason: `the image would become ${size} bytes long, and the Uint8Array has ${length} of them`,
    causes: [
      "Give the array a buffer that can grow and shrink: `new Uint8Array(new ArrayBuffer(length, { " +
      "maxByteLength }))`, which the array then goes with.",
      "Pass an object with read(), write(), getSize(), truncate() and flush().",
    ],
  });
}
