/** What goes on with a disk. */
import { virtualDiskError } from "../errors/error.ts";

/** The operations of one disk that are not over: its handle must not be closed under them. */
export class RunningCalls {
  readonly #names = new Map<symbol, string>();

  /** Runs an operation. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const end = this.begin(name);
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** An operation begins; the function that is returned ends it. */
  begin(name: string): () => void {
    const key = Symbol(name);
    this.#names.set(key, name);
    return () => this.#names.delete(key);
  }

  /**
   * Makes sure that the handle may be closed.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_STATE` while something goes on.
   */
  assertNone(path: string): void {
    const [name] = this.#names.values();
    if (name === undefined) return;
    throw virtualDiskError("ERROR_INVALID_STATE", "CloseHandle", {
      path,
      reason: `${name} is not over`,
    });
  }
}
