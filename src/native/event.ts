/** Events of the kernel, by which asynchronous calls say that they are over. */
import { VirtualDiskError } from "../errors/error.ts";
import { Handle } from "./handle.ts";
import type { Kernel32 } from "./kernel32.ts";

const MANUAL_RESET = 1;
const NOT_SIGNALLED = 0;
const WAIT_OBJECT_0 = 0;

/** A manual-reset event that is closed once. */
export class Event implements Disposable {
  readonly #kernel32: Kernel32;
  readonly #handle: Handle;

  /** Makes an event that is not set. */
  constructor(kernel32: Kernel32) {
    const value = kernel32.CreateEventW(null, MANUAL_RESET, NOT_SIGNALLED, null);
    if (value === 0n) throw new VirtualDiskError(kernel32.GetLastError(), "CreateEventW");
    this.#kernel32 = kernel32;
    this.#handle = new Handle(kernel32, value);
  }

  /** For OVERLAPPED.hEvent. */
  get value(): bigint {
    return this.#handle.value;
  }

  /** Whether the event is set; holds the thread up for `milliseconds` at most, or until it is. */
  isSet(milliseconds = 0): boolean {
    return this.#kernel32.WaitForSingleObject(this.#handle.value, milliseconds) === WAIT_OBJECT_0;
  }

  /** Closes the event. */
  [Symbol.dispose](): void {
    this.#handle.close();
  }
}
