/** A device that fails: files that open, and then give no bytes; folders that are listed in part. */

import { resolve } from "@std/path";

/** The error that Deno throws for EIO, or on Windows for ERROR_IO_DEVICE. */
function inputOutputError(): Error {
  if (Deno.build.os === "windows") {
    return new Error(
      "The request could not be performed because of an I/O device error. (os error 1117)",
    );
  }
  return Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
}

/** Lets all reads of one file fail, however it is opened. */
export class FailingReads implements Disposable {
  readonly #open = Deno.openSync;
  readonly #read = Deno.FsFile.prototype.readSync;

  #isFailing: boolean;

  /** @param isFailing Whether they fail from the beginning on. */
  constructor(path: string, isFailing = true) {
    this.#isFailing = isFailing;
    const isNow = () => this.#isFailing;
    const [open, read] = [this.#open, this.#read];
    const failing = new WeakSet<Deno.FsFile>();
    Deno.openSync = (opened, options) => {
      const file = open(opened, options);
      if (resolve(String(opened)) === resolve(path)) failing.add(file);
      return file;
    };
    Deno.FsFile.prototype.readSync = function (buffer) {
      if (isNow() && failing.has(this)) throw inputOutputError();
      return read.call(this, buffer);
    };
  }

  /** From now on they fail. */
  begin(): void {
    this.#isFailing = true;
  }

  [Symbol.dispose](): void {
    Deno.openSync = this.#open;
    Deno.FsFile.prototype.readSync = this.#read;
  }
}

/** Lets folders be listed as Deno lists one when the system fails at once: without any name, or any error. */
export class EmptyListings implements Disposable {
  readonly #list = Deno.readDirSync;

  constructor() {
    Deno.readDirSync = () => [].values();
  }

  [Symbol.dispose](): void {
    Deno.readDirSync = this.#list;
  }
}
