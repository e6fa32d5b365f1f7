/**
 * Positioned, locked and flushed access to an image file. With `new_file.ts` and `placed_reads.ts` the only
 * caller of file functions in the portable backend.
 *
 * @module
 */
import type { BackgroundFile, ByteSource, OpenFile } from "./byte_source.ts";
import { lockFile, unlockFile } from "./file_locks.ts";
import { fileError, fileOperation, systemErrorName } from "./file_operation.ts";
import { ImageError } from "./image_error.ts";
import { PlacedReads } from "./placed_reads.ts";
import { WriteFailures } from "./write_failures.ts";

/**
 * How an opener shares the file: a reader with other readers, a writer with nobody; an opener that only
 * asks for information is in nobody's way, as a GetInfoOnly open on Windows.
 */
export type Sharing = "none" | "readers" | "everyone";

/** The unit of `blocks`, whatever the file system (POSIX, `st_blocks`). */
const STAT_BLOCK = 512;

/** How to open an image file. */
export interface ImageFileOptions {
  /** Open for writing too. */
  write?: boolean;
  /** Default: `"none"` for a writer, `"readers"` else. */
  sharing?: Sharing;
  /** Make a new file; `ERROR_FILE_EXISTS` where there is one. */
  createNew?: boolean;
  /** What errors call the file, which will get that name; by default its own. */
  shownAs?: string;
}

/** An open image file. */
export class ImageFile implements OpenFile, Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;
  /** Of a file that is open for reading. */
  readonly #placedReads: PlacedReads | undefined;
  /** Unlike `path` the name that the file has now. */
  readonly #name: string;
  #size: number;
  /** Where the file's cursor is, so that sequential reads need no seek. */
  #position: number;
  #written = 0;
  /** Whether nothing has been changed since all was made durable. Before that, another writer may have. */
  #isDurable = false;
  #closed = false;
  readonly #failures = new WriteFailures();

  private constructor(
    file: Deno.FsFile,
    { path, name, isReader }: {
      readonly path: string;
      readonly name: string;
      readonly isReader: boolean;
    },
  ) {
    this.path = path;
    this.#name = name;
    this.#file = file;
    if (isReader) this.#placedReads = new PlacedReads(file, name);
    // Where the end is tells as much as the status of the file, in a fifth of the time.
    this.#size = file.seekSync(0, Deno.SeekMode.End);
    this.#position = this.#size;
  }

  /**
   * Opens a regular file. Its path is made absolute, symbolic links resolved, with no more permission
   * than to read that file.
   *
   * @throws {ImageError} The Win32 code that CreateFile gives in the same case.
   */
  static open(path: string, options: ImageFileOptions = {}): ImageFile {
    const { write = false, createNew = false, sharing = write ? "none" : "readers" } = options;
    const { shownAs } = options;
    const name = shownAs ?? path;
    const file = fileOperation(name, () => {
      if (createNew) return Deno.openSync(path, { read: true, write: true, createNew: true });
      assertRegularFile(path);
      return Deno.openSync(path, { read: true, write });
    }, createNew ? "folder" : write ? "file to write" : "file");
    try {
      if (sharing !== "everyone") lockFile(name, file, sharing === "none");
      return fileOperation(name, () => {
        // Of a new file too: before it was locked, it may have been taken for an abandoned one, and removed.
        const realPath = Deno.realPathSync(path);
        const isReader = !write && !createNew;
        return new ImageFile(file, { path: shownAs ?? realPath, name: realPath, isReader });
      });
    } catch (error) {
      file.close();
      if (createNew) removeFile(path);
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** How many bytes have been written since the file was opened. */
  get written(): number {
    return this.#written;
  }

  /** How many bytes the file takes on its volume; `undefined` if the system does not say. */
  get allocatedSize(): number | undefined {
    const { blocks } = fileOperation(this.path, () => this.#file.statSync());
    // Some network file systems count none at all.
    return blocks === null || blocks === 0 ? undefined : blocks * STAT_BLOCK;
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
    try {
      let done = 0;
      while (done < buffer.length) {
        const count = this.#readSome(done === 0 ? buffer : buffer.subarray(done), offset + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    } catch (error) {
      throw fileError(this.path, error);
    }
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    this.#change(() => {
      this.#seek(offset);
      let done = 0;
      while (done < bytes.length) {
        done += this.#passed(this.#file.writeSync(done === 0 ? bytes : bytes.subarray(done)));
      }
      this.#size = Math.max(this.#size, this.#position);
    });
  }

  /** See {@linkcode WritableSource.inBackground}. */
  inBackground(): BackgroundFile {
    return {
      write: (bytes, offset) =>
        this.#changeLater(async () => {
          this.#seek(offset);
          for (let done = 0; done < bytes.length;) {
            done += this.#passed(await this.#file.write(bytes.subarray(done)));
          }
          this.#size = Math.max(this.#size, this.#position);
        }),
      reopen: () => {
        const file = fileOperation(this.path, () => Deno.openSync(this.#name, { write: true }));
        return {
          sync: () => this.#changeLater(() => file.syncData()),
          close: () => file.close(),
        };
      },
    };
  }

  truncate(size: number): void {
    this.#change(() => {
      this.#file.truncateSync(size);
      this.#size = size;
    });
  }

  /**
   * Of a file that is open for reading: what others have written, and came to their end before it was durable. Where
   * the system lets nobody but a writer do so, as Windows, nothing is done.
   *
   * Bytes and length are made durable, and when they were written only with them: a crash may take that back, for which
   * the system would have to write the file's status at each flush.
   */
  flush(): void {
    if (this.#placedReads !== undefined) return this.#flushForOthers();
    this.#failures.flush(() => {
      if (this.#isDurable) return;
      fileOperation(this.path, () => this.#file.syncDataSync(), "file to write");
      this.#isDurable = true;
    });
  }

  /** As {@linkcode fileIdentity}. */
  identity(): string {
    return fileIdentity(this.path);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#placedReads?.close();
      unlockFile(this.#file);
    } finally {
      this.#file.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #flushForOthers(): void {
    if (Deno.build.os === "windows") return;
    fileOperation(this.path, () => {
      try {
        this.#file.syncSync();
      } catch (error) {
        const isNone = error instanceof Error &&
          NO_FLUSH_FOR_READERS.includes(systemErrorName(error));
        if (!isNone) throw error;
      }
    });
  }

  #change(run: () => void): void {
    this.#isDurable = false;
    this.#failures.change(
      () => fileOperation(this.path, run, "file to write"),
      () => fileOperation(this.path, () => this.#undoGrowth(), "file to write"),
    );
  }

  #changeLater(run: () => Promise<void>): Promise<void> {
    this.#isDurable = false;
    return this.#failures.changeLater(async () => {
      try {
        await run();
      } catch (error) {
        throw fileError(this.path, error, "file to write");
      }
    });
  }

  /** So many bytes have been written where the cursor was. */
  #passed(count: number): number {
    this.#written += count;
    this.#position += count;
    return count;
  }

  /** Takes back what a change without room has done to the length of the file. */
  #undoGrowth(): void {
    this.#position = Number.NaN;
    if (this.#file.statSync().size > this.#size) this.#file.truncateSync(this.#size);
  }

  /** Reads as many bytes as the system gives at once; 0 at the end of the file. */
  #readSome(buffer: Uint8Array, offset: number): number {
    if (this.#placedReads?.arePossible) return this.#placedReads.read(buffer, offset);
    this.#seek(offset);
    const count = this.#file.readSync(buffer) ?? 0;
    this.#position += count;
    return count;
  }

  #seek(offset: number): void {
    if (offset === this.#position) return;
    this.#placedReads?.noteMove();
    // A failed seek or read leaves the cursor unknown: NaN equals no offset.
    this.#position = Number.NaN;
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    this.#position = offset;
  }
}

/** What file systems say that flush no folders, or nothing for a reader, network shares among them. */
export const NO_FLUSH: readonly string[] = ["EINVAL", "ENOTSUP", "EOPNOTSUPP"];
/** Where nobody writes there is nothing to flush; of a folder in which a name has just changed it would be a failure. */
const NO_FLUSH_FOR_READERS: readonly string[] = [...NO_FLUSH, "EROFS"];

/** The same for all names of one file: device and file number, or the path where the system has none. */
export function fileIdentity(path: string): string {
  return fileOperation(path, () => {
    const { dev, ino } = Deno.statSync(path);
    return ino === null || ino === 0 ? Deno.realPathSync(path) : `${dev}:${ino}`;
  });
}

/** Numbers for what has no path. */
const NUMBERS = new WeakMap<object, number>();
let count = 0;

/** As {@linkcode fileIdentity}, for whatever an image is read from. */
export function sourceIdentity({ path, origin }: Pick<ByteSource, "path" | "origin">): string {
  if (origin === undefined) return fileIdentity(path);
  const number = NUMBERS.get(origin) ?? ++count;
  NUMBERS.set(origin, number);
  return `source ${number}`;
}

/** Removes a file; it is no error where there is none. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Opening a pipe or a device may wait for ever, and a folder holds no bytes. */
function assertRegularFile(path: string): void {
  const status = Deno.statSync(path);
  if (status.isFile) return;
  if (status.isDirectory) {
    throw new ImageError("ERROR_ACCESS_DENIED", {
      path,
      reason: "the path is a folder",
      causes: ["Name an image file in it."],
    });
  }
  throw new ImageError("ERROR_NOT_SUPPORTED", {
    path,
    reason: "the path is a device, pipe or socket",
    causes: ["Copy what it holds into a file: the portable backend opens regular files."],
  });
}
