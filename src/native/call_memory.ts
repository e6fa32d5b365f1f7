/**
 * Memory that a call works on. Deno keeps the buffers of a call alive only while the call itself runs in
 * JavaScript: what a structure points to, and everything that a call on another thread works on, has to be
 * kept by somebody until the call is over.
 *
 * @module
 */
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

/** Holds the memory of all calls that are not over: a local variable may be gone while one awaits. */
const inUse = new Set<CallMemory>();

const EMPTY_STRING = wideString("");

/** The memory of one call, kept until this object is disposed of. */
export class CallMemory implements Disposable {
  readonly #kernel32: Kernel32;
  readonly #blocks = new Set<ArrayBufferLike>();

  /** Starts to keep; `kernel32` tells addresses. */
  constructor(kernel32: Kernel32) {
    this.#kernel32 = kernel32;
    inUse.add(this);
  }

  /** Keeps a buffer that is an argument of the call. */
  keep<T extends Uint8Array>(bytes: T): T {
    // A short array may lie on V8's own heap, where collections move it; asked for its buffer, it
    // gets memory that stays.
    this.#blocks.add(bytes.buffer);
    return bytes;
  }

  /**
   * Keeps a buffer that a structure points to.
   *
   * `Deno.UnsafePointer` would need `--allow-ffi` for everything, so a function that returns its
   * argument gives the address: lstrcpynW, told to copy an empty string, which writes one NUL.
   *
   * @param bytes Two at least, for the NUL; they are left as they were.
   * @returns The address, which holds until this object is disposed of.
   */
  addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
    if (bytes.length < EMPTY_STRING.length) {
      throw new RangeError(`a buffer of ${bytes.length} bytes is too short to be pointed to`);
    }
    const overwritten = bytes.slice(0, EMPTY_STRING.length);
    const address = this.#kernel32.lstrcpynW(this.keep(bytes), EMPTY_STRING, 1);
    bytes.set(overwritten);
    return address;
  }

  /** Keeps a string that a structure points to; gives its address. */
  addressOfString(text: string): bigint {
    return this.addressOf(wideString(text));
  }

  /** The call is over. */
  [Symbol.dispose](): void {
    inUse.delete(this);
    this.#blocks.clear();
  }
}
