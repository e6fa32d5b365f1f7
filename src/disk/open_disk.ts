/**
 * What all open disks have in common: a path, and an end.
 *
 * @module
 */
import { type VirtualDiskError, virtualDiskError } from "../errors/error.ts";

/** An open disk, without what can be done with it: see `VirtualDisk`. */
export abstract class OpenDisk implements Disposable {
  /** The absolute path of the image. */
  readonly path: string;
  /** Which backend opened it. */
  abstract readonly backend: "native" | "portable";
  #closed = false;

  /** Only the backends make disks. */
  protected constructor(path: string) {
    this.path = path;
  }

  /** Whether the disk has been closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Closes the disk. A second call does nothing; any other use afterwards throws `ERROR_INVALID_HANDLE`.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while an operation goes on; what the last writes of the
   * portable backend fail with.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.release();
  }

  /** Closes the disk at the end of a `using` scope, as {@linkcode OpenDisk.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Throws `ERROR_INVALID_HANDLE` once the disk is closed. */
  protected assertOpen(operation: string): void {
    if (this.#closed) {
      throw virtualDiskError("ERROR_INVALID_HANDLE", operation, {
        path: this.path,
        reason: "the disk is closed",
        backend: this.backend,
      });
    }
  }

  /**
   * The error of an operation that this backend does not have: `ERROR_NOT_SUPPORTED`, or
   * `ERROR_INVALID_HANDLE` once the disk is closed.
   */
  protected unsupported(operation: string): VirtualDiskError {
    this.assertOpen(operation);
    return virtualDiskError("ERROR_NOT_SUPPORTED", operation, {
      path: this.path,
      reason: `the ${this.backend} backend cannot do it`,
      backend: this.backend,
    });
  }

  /** Gives the backend's resources back; called once. */
  protected abstract release(): void;
}
