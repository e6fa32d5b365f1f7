/**
 * Memory of the process, for calls that may outlast the thread of the script: a worker that is terminated takes its
 * own memory along, and Windows would write into what is no longer its. What a call works on that is not over then
 * stays allocated as long as the process.
 *
 * @module
 */
import { virtualDiskError } from "../errors/error.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

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
