/**
 * Sectors of a disk that was attached with NO_LOCAL_HOST: the image's own handle reads and writes them.
 *
 * @module
 */
import { errorCode } from "../errors/codes.ts";
import { VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import { byteCount, BYTES, checkArgument } from "../disk/arguments.ts";
import { CallMemory } from "./call/memory.ts";
import type { CalledDisk } from "./call/disk_call.ts";
import { Event } from "./call/handle.ts";
import { readInformation } from "./information.ts";
import { type Outcome, outcomeOfStatus, STATUS_PENDING } from "./call/overlapped.ts";
import { OVERLAPPED } from "./ffi/structs.ts";

/** Bytes of one call: more than any driver needs to be fast, and whole sectors. */
const LARGEST_TRANSFER = 16 * 1024 * 1024;
/** Milliseconds of one wait: what it would take to notice that an event was missed. */
const WAIT_SLICE = 250;
const STATUS_MASK = 0xffffffffn;
const PENDING = errorCode("ERROR_IO_PENDING");
const ABORTED = errorCode("ERROR_OPERATION_ABORTED");
/** How often the same sectors are asked for. */
const MOST_ATTEMPTS = 5;

/** `"ReadFile"` or `"WriteFile"`. */
type Transfer = "ReadFile" | "WriteFile";

/**
 * Reads sectors.
 *
 * @returns How many bytes were read: less than the buffer's length at the end of the disk alone.
 * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where the range is not of whole sectors; with the
 * code with which ReadFile ends.
 */
export function readSectors(disk: CalledDisk, buffer: Uint8Array, offset: number): number {
  const size = checkRange(disk, "ReadFile", buffer, offset);
  const length = Math.min(buffer.length, Math.max(0, size - offset));
  transferAll(disk, "ReadFile", buffer.subarray(0, length), offset);
  return length;
}

/**
 * Writes sectors.
 *
 * @returns The buffer's length.
 * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where the range is not of whole sectors,
 * `ERROR_SECTOR_NOT_FOUND` where it ends beyond the disk; with the code with which WriteFile ends.
 */
export function writeSectors(disk: CalledDisk, buffer: Uint8Array, offset: number): number {
  checkWrite(disk, buffer, offset);
  transferAll(disk, "WriteFile", buffer, offset);
  return buffer.length;
}

/**
 * Makes sure that a range can be written.
 *
 * @throws {VirtualDiskError} As {@linkcode writeSectors} fails before it writes.
 */
export function checkWrite(disk: CalledDisk, buffer: Uint8Array, offset: number): void {
  const size = checkRange(disk, "WriteFile", buffer, offset);
  if (offset + buffer.length > size) {
    throw virtualDiskError("ERROR_SECTOR_NOT_FOUND", "WriteFile", {
      path: disk.path,
      reason: `the range from ${offset} to ${
        offset + buffer.length
      } ends beyond the disk of ${size}`,
    });
  }
}

/** Gives the size of the disk. */
function checkRange(
  disk: CalledDisk,
  operation: Transfer,
  buffer: Uint8Array,
  offset: number,
): number {
  checkArgument(BYTES, buffer, "buffer");
  byteCount(offset, "offset");
  const { virtualSize, sectorSize } = readInformation(disk, "size");
  if (offset % sectorSize === 0 && buffer.length % sectorSize === 0) return virtualSize;
  throw virtualDiskError("ERROR_INVALID_PARAMETER", operation, {
    path: disk.path,
    reason: `${buffer.length} bytes at ${offset} are no whole sectors of ${sectorSize}`,
  });
}

function transferAll(
  disk: CalledDisk,
  operation: Transfer,
  buffer: Uint8Array,
  offset: number,
): void {
  for (let done = 0; done < buffer.length; done += LARGEST_TRANSFER) {
    const piece = buffer.subarray(done, done + LARGEST_TRANSFER);
    const transferred = transfer(disk, operation, piece, offset + done);
    if (transferred !== piece.length) {
      throw virtualDiskError("ERROR_HANDLE_EOF", operation, {
        path: disk.path,
        reason: `${transferred} of ${piece.length} bytes at ${offset + done}`,
      });
    }
  }
}

/**
 * One call, from its start to its end. ERROR_OPERATION_ABORTED, which nobody asks for here, is what another thread's
 * CancelIoEx leads to, or the question of `attemptTransfer` whether a call has started: the same sectors are asked for again.
 */
function transfer(
  disk: CalledDisk,
  operation: Transfer,
  buffer: Uint8Array,
  offset: number,
): number {
  for (let attempt = 1;; attempt++) {
    const { code, reason, transferred } = attemptTransfer(disk, operation, buffer, offset);
    if (code === 0) return transferred;
    if (code === ABORTED && attempt < MOST_ATTEMPTS) continue;
    throw new VirtualDiskError(code, operation, { path: disk.path, reason });
  }
}

/** The handle is one for overlapped calls, so it has an event. */
function attemptTransfer(
  { libraries: { kernel32 }, handle }: CalledDisk,
  operation: Transfer,
  buffer: Uint8Array,
  offset: number,
): Outcome & { readonly transferred: number } {
  using stack = new DisposableStack();
  const event = stack.use(new Event(kernel32));
  const memory = stack.use(new CallMemory(kernel32));
  const overlapped = memory.keep(OVERLAPPED.pack({
    Internal: 0n,
    InternalHigh: 0n,
    Pointer: BigInt(offset),
    hEvent: event.value,
  }));
  const status = () => Number(OVERLAPPED.unpack(overlapped).Internal & STATUS_MASK);
  // Only a view can be handed over, and whoever gave the buffer keeps it for the time of this function.
  const bytes = memory.keep(buffer) as Uint8Array<ArrayBuffer>;
  if (kernel32[operation](handle, bytes, bytes.length, null, overlapped) === 0) {
    const code = kernel32.GetLastError();
    // A collection between the two calls may change the last error: only if there is nothing to cancel, and
    // nothing that has ended, the call has not started.
    if (code !== PENDING && kernel32.CancelIoEx(handle, overlapped) === 0 && !event.isSet()) {
      return { ...refusal(code, operation), transferred: 0 };
    }
    // A wait that fails is over at once: the status says whether the call is.
    while (!event.isSet(WAIT_SLICE) || status() === STATUS_PENDING);
  }
  const transferred = Number(OVERLAPPED.unpack(overlapped).InternalHigh);
  return { ...outcomeOfStatus(status()), transferred };
}

/** A refusal whose code was lost is one nevertheless. */
function refusal(code: number, operation: Transfer): Outcome {
  if (code !== 0) return { code };
  const reason = `${operation} failed, and its error code was lost`;
  return { code: errorCode("ERROR_GEN_FAILURE"), reason };
}

/**
 * Has everything that was written put on the medium of the image (FlushFileBuffers).
 *
 * @throws {VirtualDiskError} With the code that the call fails with.
 */
export function flushSectors({ libraries: { kernel32 }, handle, path }: CalledDisk): void {
  if (kernel32.FlushFileBuffers(handle) !== 0) return;
  const code = kernel32.GetLastError();
  const options = code === 0
    ? { reason: "FlushFileBuffers failed, and its error code was lost" }
    : {};
  throw new VirtualDiskError(code || errorCode("ERROR_GEN_FAILURE"), "FlushFileBuffers", {
    path,
    ...options,
  });
}
