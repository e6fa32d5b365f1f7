/**
 * Memory that a call works on. Deno keeps the buffers of a call alive only while the call itself runs in
 * JavaScript: what a structure points to, and everything that a call on another thread works on, has to be
 * kept by somebody until the call is over.
 *
 * @module
 */
import { virtualDiskError } from "../../errors/error.ts";
import type { Kernel32 } from "../ffi/kernel32.ts";
import { wideString } from "../ffi/text.ts";

/** Holds the memory of all calls that are not over: a local variable may be gone while one awaits. */
const inUse = new Set<CallMemory>();

const EMPTY_STRING = wideString("");

/**
 * The memory of one call, kept until this object is disposed of.
 *
 * @category Memory
 */
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

// Memory of the process, for calls that may outlast the thread of the script: a worker that is terminated takes its
// own memory along, and Windows would write into what is no longer its. What a call works on that is not over then
// stays allocated as long as the process.

const HEAP_ZERO_MEMORY = 8;

/** The memory of one call, allocated until this object is disposed of. */
export class HeapMemory implements Disposable {
  readonly #kernel32: Kernel32;
  readonly #heap: bigint;
  readonly #addresses: bigint[] = [];

  /** Nothing is allocated yet. */
  constructor(kernel32: Kernel32) {
    this.#kernel32 = kernel32;
    this.#heap = kernel32.GetProcessHeap();
  }

  /**
   * Puts a copy of bytes there.
   *
   * @returns The address; 0 for nothing.
   * @throws {VirtualDiskError} `ERROR_NOT_ENOUGH_MEMORY`.
   */
  place(bytes: Uint8Array<ArrayBuffer> | null): bigint {
    if (bytes === null) return 0n;
    const address = this.#kernel32.HeapAlloc(this.#heap, HEAP_ZERO_MEMORY, BigInt(bytes.length));
    if (address === 0n) throw virtualDiskError("ERROR_NOT_ENOUGH_MEMORY", "HeapAlloc");
    this.#addresses.push(address);
    this.#kernel32.MoveMemoryTo(address, bytes, BigInt(bytes.length));
    return address;
  }

  /** Puts a string there, as functions take it; gives its address. */
  placeString(text: string): bigint {
    return this.place(wideString(text));
  }

  /** What is there now. */
  read(address: bigint, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    this.#kernel32.MoveMemoryFrom(bytes, address, BigInt(length));
    return bytes;
  }

  /** The call is over. */
  [Symbol.dispose](): void {
    for (const address of this.#addresses.splice(0)) {
      this.#kernel32.HeapFree(this.#heap, 0, address);
    }
  }
}
