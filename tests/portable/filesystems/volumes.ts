/** Volumes for the readers of file systems, and what such a reader makes of them. */
import {
  type FileSystem,
  type FileSystemReader,
  type FreeRange,
  Refusal,
  type Volume,
} from "../../../src/portable/filesystems/file_system.ts";

const SECTOR_SIZE = 512;

/** A volume that demands of its readers what the interface does, and counts what they read. */
export class BytesVolume implements Volume {
  readonly sectorSize = SECTOR_SIZE;
  readonly bytes: Uint8Array<ArrayBuffer>;
  bytesRead = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.bytes = bytes;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    demandRange(offset, length, this.size);
    this.bytesRead += length;
    return this.bytes.slice(offset, offset + length);
  }
}

/** A file as a volume, which may be large and sparse. */
export class FileVolume implements Volume, Disposable {
  readonly sectorSize = SECTOR_SIZE;
  readonly size: number;
  readonly #file: Deno.FsFile;
  bytesRead = 0;

  constructor(path: string) {
    this.#file = Deno.openSync(path);
    this.size = this.#file.statSync().size;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    demandRange(offset, length, this.size);
    this.bytesRead += length;
    const bytes = new Uint8Array(length);
    this.#file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < length;) {
      const count = this.#file.readSync(bytes.subarray(at));
      if (count === null) throw new Error("the file has become shorter");
      at += count;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** More at once is no bounded read any more. */
const MAX_READ = 2 ** 20;

function demandRange(offset: number, length: number, size: number): void {
  const isWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!isWhole || offset < 0 || length < 0 || offset + length > size) {
    throw new Error(`${length} bytes at ${offset} were read of a volume of ${size}`);
  }
  if (length > MAX_READ) throw new Error(`${length} bytes were read at once`);
}

/** What a reader says of a volume. */
export type Answer =
  | { readonly kind: "free"; readonly fileSystem: FileSystem; readonly ranges: FreeRange[] }
  | { readonly kind: "refused"; readonly name: string; readonly reason: string }
  | undefined;

/** Asks a reader for all free ranges; neighbours are joined, and their order is asserted. */
export function ask(reader: FileSystemReader, volume: Volume): Answer {
  try {
    const fileSystem = reader(volume);
    if (fileSystem === undefined) return undefined;
    const ranges: FreeRange[] = [];
    let end = 0;
    for (const batch of fileSystem.freeRanges()) {
      for (const { offset, length } of batch) {
        if (!(offset >= end && length > 0 && offset + length <= fileSystem.size)) {
          throw new Error(`a free range of ${length} bytes at ${offset}, after one up to ${end}`);
        }
        const last = ranges.at(-1);
        if (last !== undefined && end === offset) {
          ranges[ranges.length - 1] = { offset: last.offset, length: last.length + length };
        } else ranges.push({ offset, length });
        end = offset + length;
      }
    }
    return { kind: "free", fileSystem, ranges };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { kind: "refused", name: error.fileSystem, reason: error.reason };
  }
}
