/**
 * Brings a finished file under its name: complete, durable, and never over another by accident.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { fileOperation } from "./file_operation.ts";
import { ImageError } from "./image_error.ts";
import { ImageFile } from "./image_file.ts";

/** A file that is written under a temporary name beside its own, and removed unless it is published. */
export class NewFile implements Disposable {
  readonly #path: string;
  readonly #temporary: string;
  readonly #overwrite: boolean;
  #isMade = false;

  private constructor(path: string, temporary: string, overwrite: boolean) {
    this.#path = path;
    this.#temporary = temporary;
    this.#overwrite = overwrite;
  }

  /**
   * @param folder The real path of the folder that `path` lies in.
   * @throws {ImageError} `ERROR_FILE_EXISTS` where the name is taken and is not to be overwritten: before
   * the work, so that it is not done in vain. Publishing makes sure.
   */
  static prepare(path: string, folder: string, overwrite: boolean): NewFile {
    if (!overwrite && fileExists(path)) throw new ImageError("ERROR_FILE_EXISTS", { path });
    return new NewFile(path, join(folder, `.virtdisk-${crypto.randomUUID()}.tmp`), overwrite);
  }

  /** Makes the file, hands it over to be written, and makes it durable. */
  async write(write: (file: ImageFile) => void | Promise<void>): Promise<void> {
    using file = ImageFile.open(this.#temporary, { createNew: true, write: true });
    this.#isMade = true;
    await write(file);
    file.flush();
  }

  /**
   * Gives the file its own name.
   *
   * @throws {ImageError} `ERROR_FILE_EXISTS` where the name is taken and is not to be overwritten.
   */
  publish(): void {
    publishFile(this.#temporary, this.#path, this.#overwrite);
  }

  /** Removes the temporary name, which is gone already where the file was renamed. */
  [Symbol.dispose](): void {
    if (this.#isMade) removeFile(this.#temporary);
  }
}

/** The real path of the folder that `path` lies in. */
export function realFolder(path: string): string {
  return fileOperation(path, () => Deno.realPathSync(dirname(path)));
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
 * Gives the file `temporary` the name `path`, in one step. It may keep its temporary name beside.
 *
 * @throws {ImageError} `ERROR_FILE_EXISTS` where the name is taken and is not to be overwritten.
 */
export function publishFile(temporary: string, path: string, overwrite: boolean): void {
  fileOperation(path, () => {
    if (overwrite || !publishByLink(temporary, path)) Deno.renameSync(temporary, path);
    syncFolder(dirname(path));
  });
}

/**
 * Removes an image that nobody has open.
 *
 * @throws {ImageError} What the file system says.
 */
export function removeImage(path: string): void {
  fileOperation(path, () => removeFile(path));
}

/** Removes a file; it is no error where there is none. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * A link, unlike a rename, fails where the name is taken. File systems without links (FAT, some
 * network shares) leave the rename, with the check that was made before it.
 */
function publishByLink(temporary: string, path: string): boolean {
  try {
    Deno.linkSync(temporary, path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    return false;
  }
  return true;
}

/** POSIX makes a new name durable with its folder; Windows does so by itself and opens no folder. */
function syncFolder(folder: string): void {
  if (Deno.build.os === "windows") return;
  using handle = Deno.openSync(folder);
  try {
    handle.syncSync();
  } catch {
    // Some file systems (network shares) refuse it; the file itself is durable by then.
  }
}
