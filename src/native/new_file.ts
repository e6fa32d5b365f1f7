/** The file that a create makes: what was there before it is not lost if it fails. */
import { isErrorOf, VirtualDiskError } from "../errors.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

const INVALID_FILE_ATTRIBUTES = 0xffffffff;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const MOVEFILE_WRITE_THROUGH = 8;

/** The place of a new file. */
export class NewFile {
  readonly #kernel32: Kernel32;
  readonly #path: Uint8Array<ArrayBuffer>;
  /** Where the file is meanwhile that the new one replaces. */
  readonly #replaced: Uint8Array<ArrayBuffer> | undefined;
  readonly #isOurs: boolean;

  /**
   * Makes room for a file.
   *
   * @param overwrite Whether a file that is there is replaced.
   * @throws {VirtualDiskError} Where that one cannot be moved away, for example because it is open.
   */
  constructor(kernel32: Kernel32, path: string, overwrite: boolean) {
    this.#kernel32 = kernel32;
    this.#path = wideString(path);
    const attributes = kernel32.GetFileAttributesW(this.#path);
    const isFree = attributes === INVALID_FILE_ATTRIBUTES;
    if (!isFree && overwrite && (attributes & FILE_ATTRIBUTE_DIRECTORY) === 0) {
      this.#replaced = wideString(`${path}.${crypto.randomUUID()}.old`);
      if (kernel32.MoveFileExW(this.#path, this.#replaced, MOVEFILE_WRITE_THROUGH) === 0) {
        throw new VirtualDiskError(kernel32.GetLastError(), "CreateVirtualDisk", { path });
      }
    }
    this.#isOurs = isFree || this.#replaced !== undefined;
  }

  /** The new file is made. */
  keep(): void {
    if (this.#replaced !== undefined) this.#kernel32.DeleteFileW(this.#replaced);
  }

  /**
   * The new file could not be made: what there is of it goes, and what it was to replace comes back.
   *
   * @param error Why: a file that somebody else has put there meanwhile stays.
   */
  undo(error: unknown): void {
    const isSomebodyElses = isErrorOf(error, "ERROR_FILE_EXISTS", "ERROR_ALREADY_EXISTS");
    if (this.#isOurs && !isSomebodyElses) this.#kernel32.DeleteFileW(this.#path);
    if (this.#replaced !== undefined) {
      this.#kernel32.MoveFileExW(this.#replaced, this.#path, MOVEFILE_WRITE_THROUGH);
    }
  }
}
