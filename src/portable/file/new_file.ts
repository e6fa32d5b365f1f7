/**
 * Brings a finished file under its name: complete, durable, and never over another by accident.
 *
 * @module
 */
import { errorCode, errorMeaning } from "../../errors/codes.ts";
import { dirname } from "../../text/paths.ts";
import { quoted } from "../../text/quoted.ts";
import { removeAbandonedFiles, temporaryPath } from "./abandoned_files.ts";
import { fileOperation, systemErrorName } from "./file_operation.ts";
import { ImageError } from "./image_error.ts";
import { ImageFile, NO_FLUSH, removeFile } from "./image_file.ts";

/** How often a file is made that somebody else takes for an abandoned one before it is locked. */
const ATTEMPTS = 10;

/** A file that is written under a temporary name beside its own, and removed unless it is published. */
export class NewFile implements Disposable {
  readonly #path: string;
  readonly #folder: string;
  readonly #overwrite: boolean;
  /** To be made durable with the name; absent on Windows, which does so by itself and opens no folder. */
  readonly #handle: Deno.FsFile | undefined;
  /** Made, and open: the lock on it says until the end that it is not abandoned. */
  #made: { readonly file: ImageFile; readonly temporary: string } | undefined;

  private constructor(path: string, folder: string, overwrite: boolean) {
    this.#path = path;
    this.#folder = folder;
    this.#overwrite = overwrite;
    if (Deno.build.os !== "windows") this.#handle = openFolder(path, folder);
  }

  /**
   * @param folder The real path of the folder that `path` lies in.
   * @throws {ImageError} `ERROR_FILE_EXISTS` where the name is taken and is not to be overwritten: before
   * the work, so that it is not done in vain. Publishing makes sure.
   */
  static prepare(path: string, folder: string, overwrite: boolean): NewFile {
    if (!overwrite && fileExists(path)) throw new ImageError("ERROR_FILE_EXISTS", { path });
    return new NewFile(path, folder, overwrite);
  }

  /**
   * Makes the file, hands it over to be written, and makes it durable. Abandoned files of others go before:
   * this one may need their space.
   */
  async write(write: (file: ImageFile) => void | Promise<void>): Promise<void> {
    assertAllowed(this.#folder);
    removeAbandonedFiles(this.#folder);
    const file = this.#make();
    try {
      await write(file);
      file.flush();
    } catch (error) {
      throw withProgress(error, this.#path, file.written, this.#remove());
    }
  }

  /**
   * Gives the file its own name, in one step. It may keep its temporary name beside until the end of the scope.
   *
   * @throws {ImageError} `ERROR_FILE_EXISTS` where the name is taken and is not to be overwritten;
   * `ERROR_IO_DEVICE` where the folder cannot be made durable: the name is given up then, unless it was
   * another file's before.
   */
  publish(): void {
    const [path, { temporary }] = [this.#path, this.#made!];
    fileOperation(path, () => {
      if (this.#overwrite || !publishByLink(temporary, path)) Deno.renameSync(temporary, path);
    }, "folder");
    if (this.#handle !== undefined) {
      const state = () =>
        !this.#overwrite && isRemoved(path)
          ? "there is no new image"
          : "the new image is there, but may be gone after a power failure, or the former one back";
      syncFolder(path, this.#handle, state);
    }
  }

  /** Removes the temporary name, which is gone already where the file was renamed, and closes the file. */
  [Symbol.dispose](): void {
    this.#handle?.close();
    this.#remove();
  }

  /** Whether the temporary name is gone. Otherwise, as on a volume that has failed, the next command removes it. */
  #remove(): boolean {
    if (this.#made === undefined) return true;
    const { file, temporary } = this.#made;
    const isGone = isRemoved(temporary);
    file.close();
    return isGone;
  }

  /** Between making a file and locking it, another program may take it for an abandoned one. */
  #make(): ImageFile {
    for (let attempt = 1;; attempt++) {
      const temporary = fileOperation(this.#path, () => temporaryPath(this.#folder), "folder");
      try {
        const file = ImageFile.open(temporary, {
          createNew: true,
          write: true,
          shownAs: this.#path,
        });
        this.#made = { file, temporary };
        return file;
      } catch (error) {
        const isTaken = error instanceof ImageError &&
          (error.symbol === "ERROR_SHARING_VIOLATION" || error.symbol === "ERROR_FILE_NOT_FOUND");
        if (!isTaken || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/**
 * Asks for the folder: a refusal, or Deno's prompt, would else name the temporary file.
 *
 * @throws {Deno.errors.NotCapable} As Deno's own.
 */
function assertAllowed(folder: string): void {
  if (Deno.permissions.requestSync({ name: "write", path: folder }).state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires write access to ${quoted(folder)}, run again with the --allow-write flag`,
  );
}

/** What the file itself fails with, and how far it has come by then; other errors as they are. */
function withProgress(
  error: unknown,
  path: string,
  written: number,
  isGone: boolean,
): unknown {
  const isOfFile = error instanceof ImageError && error.options.path === path &&
    error.options.cause !== undefined;
  if (!isOfFile) return error;
  const what = error.options.reason ?? errorMeaning(errorCode(error.symbol));
  const state = isGone ? "it has been removed" : "they could not be removed";
  const reason = `${what}: ${written} bytes of the new image had been written; ${state}`;
  return new ImageError(error.symbol, { ...error.options, reason });
}

function isRemoved(path: string): boolean {
  try {
    removeFile(path);
    return true;
  } catch {
    // What had failed before is the error.
    return false;
  }
}

/** The real path of the folder that `path` lies in. */
export function realFolder(path: string): string {
  return fileOperation(path, () => Deno.realPathSync(dirname(path)), "folder");
}

/** Whether something has that name. */
export function fileExists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    return fileOperation(path, () => {
      throw error;
    });
  }
}

/**
 * Removes images that nobody has open, one after the other, durably: one that is back after a power failure would show
 * what its parent, which may have changed since, makes of it. Where the folder of one may not be read, which POSIX asks
 * for, it may be back.
 *
 * @throws {ImageError} What the file system says.
 */
export function removeImages(paths: readonly string[]): void {
  const folders = new Map<string, string>();
  for (const path of paths) {
    if (Deno.build.os !== "windows") folders.set(dirname(path), path);
    fileOperation(path, () => removeFile(path), "folder");
  }
  for (const [folder, path] of folders) {
    if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") continue;
    using handle = openFolder(path, folder);
    syncFolder(path, handle, () => "the image is removed, but may be back after a power failure");
  }
}

/** What has nothing to do with links: a rename would fail too, or replace what the link would not. */
const NOT_OF_LINKS: readonly string[] = ["EIO", "ENOSPC", "EDQUOT", "EROFS"];

/**
 * A link, unlike a rename, fails where the name is taken. File systems without links (FAT, some
 * network shares) leave the rename, with the check that was made before it.
 */
function publishByLink(temporary: string, path: string): boolean {
  try {
    Deno.linkSync(temporary, path);
  } catch (error) {
    const isFailure = error instanceof Deno.errors.AlreadyExists ||
      error instanceof Error && NOT_OF_LINKS.includes(systemErrorName(error));
    if (isFailure) throw error;
    return false;
  }
  return true;
}

/** Before the work, so that it is not done in vain. */
function openFolder(path: string, folder: string): Deno.FsFile {
  try {
    return fileOperation(path, () => Deno.openSync(folder));
  } catch (error) {
    if (!(error instanceof ImageError) || error.symbol !== "ERROR_ACCESS_DENIED") throw error;
    throw new ImageError(error.symbol, {
      ...error.options,
      reason: "this user may not read the folder, so that a new name in it cannot be made durable",
      causes: ["Give this user the right to read the folder, or choose another one."],
    });
  }
}

/**
 * POSIX makes a name durable, or that it is gone, with its folder.
 *
 * @param stateOf What there is when that fails, after what can be undone.
 */
function syncFolder(path: string, folder: Deno.FsFile, stateOf: () => string): void {
  try {
    folder.syncSync();
  } catch (error) {
    if (error instanceof Error && NO_FLUSH.includes(systemErrorName(error))) return;
    throw folderError(path, error, stateOf());
  }
}

function folderError(path: string, error: unknown, state: string): unknown {
  try {
    return fileOperation(path, () => {
      throw error;
    });
  } catch (translated) {
    if (!(translated instanceof ImageError)) return translated;
    return new ImageError(translated.symbol, {
      ...translated.options,
      reason: `the folder could not be made durable, and with it the name: ${state}`,
      causes: translated.symbol === "ERROR_IO_DEVICE"
        ? ["The disk that holds the folder reports an I/O error: look at its health."]
        : undefined,
    });
  }
}
