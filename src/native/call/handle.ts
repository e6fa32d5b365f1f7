/** Handles of the kernel. */
import { VirtualDiskError, virtualDiskError } from "../../errors/error.ts";
import type { Kernel32 } from "../ffi/kernel32.ts";
import { wideString } from "../ffi/text.ts";

/** What functions that open or search return if they fail. */
export const INVALID_HANDLE_VALUE = 0xffff_ffff_ffff_ffffn;

/** No right to the contents: the handle only says which object is meant. */
export const NO_ACCESS = 0;
/** To read. */
export const GENERIC_READ = 0x8000_0000;
/** To write. */
export const GENERIC_WRITE = 0x4000_0000;

const OPEN_EXISTING = 3;

/** Opens a file, folder, volume or disk that there is (CreateFileW); `undefined` if it cannot be opened. */
export function openExisting(
  kernel32: Kernel32,
  path: string,
  { access, share, flags = 0 }: {
    readonly access: number;
    /** FILE_SHARE_*. */
    readonly share: number;
    /** FILE_FLAG_*. */
    readonly flags?: number;
  },
): Handle | undefined {
  const name = wideString(path);
  const value = kernel32.CreateFileW(name, access, share, null, OPEN_EXISTING, flags, 0n);
  return value === INVALID_HANDLE_VALUE ? undefined : new Handle(kernel32, value);
}

/** The functions that closing takes. */
type ClosingKernel32 = Pick<Kernel32, "CloseHandle" | "GetLastError">;

/** A handle that closes once. */
export class Handle implements Disposable {
  readonly #kernel32: ClosingKernel32;
  #value: bigint | undefined;

  /** Takes a handle over: whoever has this object closes it. */
  constructor(kernel32: ClosingKernel32, value: bigint) {
    this.#kernel32 = kernel32;
    this.#value = value;
  }

  /** The number that functions take; `ERROR_INVALID_HANDLE` once closed. */
  get value(): bigint {
    if (this.#value === undefined) throw virtualDiskError("ERROR_INVALID_HANDLE", "CloseHandle");
    return this.#value;
  }

  /** Closes the handle. A second call does nothing. */
  close(): void {
    const value = this.#value;
    if (value === undefined) return;
    // Cleared first: Windows gives the number to the next handle at once, and a second CloseHandle,
    // even after a failure, would close that one.
    this.#value = undefined;
    if (this.#kernel32.CloseHandle(value) === 0) {
      throw new VirtualDiskError(this.#kernel32.GetLastError(), "CloseHandle");
    }
  }

  /** Closes the handle at the end of a `using` scope. */
  [Symbol.dispose](): void {
    this.close();
  }
}

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
