/** The file that a create makes: what was there before it is not lost if it fails. */
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import { errorCode } from "../errors/codes.ts";
import { withPrefix } from "./full_path.ts";
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

/** Milliseconds: how often and how long a file is tried for that somebody has open: a virus scanner, mostly. */
const PAUSE = 50;
const PATIENCE = 2000;
/** UTF-16 units: of a name in a folder at most 255. */
const KEPT_OF_NAME = 200;

/** The place of a new file. */
export class NewFile {
  readonly #kernel32: FileFunctions;
  readonly #path: string;
  /** Where the file is meanwhile that the new one replaces. */
  #replaced: string | undefined;
  #isFree = true;
  #isMade = false;

  private constructor(kernel32: FileFunctions, path: string) {
    this.#kernel32 = kernel32;
    this.#path = path;
  }

  /**
   * Makes room for a file.
   *
   * @param overwrite Whether a file that is there is replaced.
   * @throws {VirtualDiskError} If that one cannot be moved away, for example because it is open.
   */
  static async at(kernel32: FileFunctions, path: string, overwrite: boolean): Promise<NewFile> {
    const file = new NewFile(kernel32, path);
    const attributes = kernel32.GetFileAttributesW(wideString(path));
    file.#isFree = attributes === INVALID_FILE_ATTRIBUTES;
    if (file.#isFree || !overwrite || (attributes & FILE_ATTRIBUTE_DIRECTORY) !== 0) return file;
    const replaced = nameBeside(path);
    const code = await file.#move(path, replaced);
    if (code !== 0) throw new VirtualDiskError(code, "CreateVirtualDisk", { path });
    file.#replaced = replaced;
    file.#isFree = true;
    return file;
  }

  /** Windows has begun to make the file: what is there from now on is this one. */
  made(): void {
    this.#isMade = true;
  }

  /** The new file is complete. */
  async keep(): Promise<void> {
    if (this.#replaced !== undefined) await this.#delete(this.#replaced);
  }

  /**
   * The new file could not be made: what there is of it goes, and what it was to replace comes back.
   *
   * @param error Why: a file that somebody else has put there meanwhile stays.
   * @throws {VirtualDiskError} If the one that was to be replaced cannot be brought back: with its name.
   */
  async undo(error: unknown): Promise<void> {
    const isSomebodyElses = isErrorOf(error, "ERROR_FILE_EXISTS", "ERROR_ALREADY_EXISTS");
    if (this.#isFree && this.#isMade && !isSomebodyElses) await this.#delete(this.#path);
    if (this.#replaced === undefined) return;
    const code = await this.#move(this.#replaced, this.#path);
    if (code === 0) return;
    const replaced = JSON.stringify(this.#replaced);
    throw new VirtualDiskError(code, "CreateVirtualDisk", {
      path: this.#path,
      reason:
        `the create failed, and the file that was there could not be brought back: it is ${replaced}`,
      causes: ["Rename it by hand; error.cause says what the create failed with."],
      cause: error,
    });
  }

  /** Gives a Win32 code. */
  #move(from: string, to: string): Promise<number> {
    const { MoveFileExW } = this.#kernel32;
    return this.#patiently(() =>
      MoveFileExW(wideString(from), wideString(to), MOVEFILE_WRITE_THROUGH)
    );
  }

  #delete(path: string): Promise<number> {
    return this.#patiently(() => this.#kernel32.DeleteFileW(wideString(path)));
  }

  /** Tries again while somebody else has the file open: neither moving nor deleting has begun then. */
  async #patiently(call: () => number): Promise<number> {
    for (const start = performance.now();;) {
      if (call() !== 0) return 0;
      const code = this.#kernel32.GetLastError() || errorCode("ERROR_GEN_FAILURE");
      const isInUse = code === errorCode("ERROR_SHARING_VIOLATION");
      if (!isInUse || performance.now() - start >= PATIENCE) return code;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

/** A new name in the same folder, whose length Windows takes. */
function nameBeside(path: string): string {
  const name = path.lastIndexOf("\\") > path.lastIndexOf("/")
    ? path.lastIndexOf("\\") + 1
    : path.lastIndexOf("/") + 1;
  const kept = path.slice(name, name + KEPT_OF_NAME);
  return withPrefix(`${path.slice(0, name)}${kept}.${crypto.randomUUID()}.old`);
}
