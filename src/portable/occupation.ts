/**
 * The long operation that goes on with a disk: one at a time.
 *
 * @module
 */
import { virtualDiskError } from "../errors/error.ts";
import { inLongOperation } from "./file/image_error.ts";

/** Whether an operation goes on with a disk, and has its files for itself. */
export class Occupation {
  readonly #path: string;
  #isBusy = false;
  #isLent = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Runs an operation while no other can be.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while another one goes on; what `run` fails with.
   */
  async operate<T>(operation: string, run: () => Promise<T>): Promise<T> {
    this.assertIdle(operation);
    this.#isBusy = true;
    try {
      return await inLongOperation(operation, run);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Runs what changes the shape of the files, so that nothing can be read or written meanwhile. */
  async lend<T>(run: () => Promise<T>): Promise<T> {
    this.#isLent = true;
    try {
      return await run();
    } finally {
      this.#isLent = false;
    }
  }

  /** @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation goes on. */
  assertIdle(operation: string): void {
    if (this.#isBusy) throw this.#error(operation);
  }

  /** @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation has the files for itself. */
  assertNotLent(operation: string): void {
    if (this.#isLent) throw this.#error(operation);
  }

  #error(operation: string): Error {
    return virtualDiskError("ERROR_INVALID_STATE", operation, {
      path: this.#path,
      reason: "an operation on the disk goes on",
      causes: ["Await it, or abort its signal and await it then."],
    });
  }
}
