/** The file that a create makes: what was there before it is not lost if it fails. */
import { isErrorOf, VirtualDiskError } from "../errors.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

const INVALID_FILE_ATTRIBUTES = 0xffffffff;
const FILE_ATTRIBUTE_DIRECTORY = 0x10;
const MOVEFILE_WRITE_THROUGH = 8;

/** What is asked of kernel32.dll. */
type FileFunctions = Pick<
  Kernel32,
  "GetFileAttributesW" | "MoveFileExW" | "DeleteFileW" | "GetLastError"
>;

/** The place of a new file. */
export class NewFile {
  readonly #kernel32: FileFunctions;
  readonly #path: string;
  /** Where the file is meanwhile that the new one replaces. */
  readonly #replaced: string | undefined;
  readonly #isOurs: boolean;

  /**
   * Makes room for a file.
   *
   * @param overwrite Whether a file that is there is replaced.
   * @throws {VirtualDiskError} Where that one cannot be moved away, for example because it is open.
   */
  constructor(kernel32: FileFunctions, path: string, overwrite: boolean) {
    this.#kernel32 = kernel32;
    this.#path = path;
    const attributes = kernel32.GetFileAttributesW(wideString(path));
    const isFree = attributes === INVALID_FILE_ATTRIBUTES;
    if (!isFree && overwrite && (attributes & FILE_ATTRIBUTE_DIRECTORY) === 0) {
      this.#replaced = `${path}.${crypto.randomUUID()}.old`;
      if (!this.#move(path, this.#replaced)) {
        throw new VirtualDiskError(kernel32.GetLastError(), "CreateVirtualDisk", { path });
      }
    }
    this.#isOurs = isFree || this.#replaced !== undefined;
  }

  /** The new file is made. */
  keep(): void {
    if (this.#replaced !== undefined) this.#kernel32.DeleteFileW(wideString(this.#replaced));
  }

  /**
   * The new file could not be made: what there is of it goes, and what it was to replace comes back.
   *
   * @param error Why: a file that somebody else has put there meanwhile stays.
   * @throws {VirtualDiskError} Where the one that was to be replaced cannot be brought back: with its name.
   */
  undo(error: unknown): void {
    const isSomebodyElses = isErrorOf(error, "ERROR_FILE_EXISTS", "ERROR_ALREADY_EXISTS");
    if (this.#isOurs && !isSomebodyElses) this.#kernel32.DeleteFileW(wideString(this.#path));
    if (this.#replaced === undefined || this.#move(this.#replaced, this.#path)) return;
    const replaced = JSON.stringify(this.#replaced);
    throw new VirtualDiskError(this.#kernel32.GetLastError(), "CreateVirtualDisk", {
      path: this.#path,
      reason:
        `the create failed, and the file that was there could not be brought back: it is ${replaced}`,
      causes: ["Rename it by hand; error.cause says what the create failed with."],
      cause: error,
    });
  }

  #move(from: string, to: string): boolean {
    const { MoveFileExW } = this.#kernel32;
    return MoveFileExW(wideString(from), wideString(to), MOVEFILE_WRITE_THROUGH) !== 0;
  }
}
