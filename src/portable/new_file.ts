/**
 * Brings a finished file under its name: complete, durable, and never over another by accident.
 *
 * @module
 */
import { dirname } from "@std/path";
import { fileOperation } from "./file_operation.ts";

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
