/**
 * Sectors of a disk that was attached with NO_LOCAL_HOST: the image's own handle reads and writes them.
 *
 * @module
 */
import { errorCode } from "../error_codes.ts";
import { VirtualDiskError, virtualDiskError } from "../errors.ts";
import { byteCount, BYTES, checkArgument } from "../arguments.ts";
import { CallMemory } from "./call_memory.ts";
import type { CalledDisk } from "./called_disk.ts";
import { Event } from "./event.ts";
import { readInformation } from "./information_classes.ts";
import { codeOfStatus } from "./ntstatus.ts";
import { OVERLAPPED } from "./structs.ts";

/** Bytes of one call: more than any driver needs to be fast, and whole sectors. */
const LARGEST_TRANSFER = 16 * 1024 * 1024;
/** Milliseconds of one wait: what it would take to notice that an event was missed. */
const WAIT_SLICE = 250;
const STATUS_MASK = 0xffffffffn;

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
  const size = checkRange(disk, "WriteFile", buffer, offset);
  if (offset + buffer.length > size) {
    throw virtualDiskError("ERROR_SECTOR_NOT_FOUND", "WriteFile", {
      path: disk.path,
      reason: `the range from ${offset} to ${
        offset + buffer.length
      } ends beyond the disk of ${size}`,
    });
  }
  transferAll(disk, "WriteFile", buffer, offset);
  return buffer.length;
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

/** One call, from its start to its end: the handle is one for overlapped calls, so it has an event. */
function transfer(
  { libraries: { kernel32 }, handle, path }: CalledDisk,
  operation: Transfer,
  buffer: Uint8Array,
  offset: number,
): number {
  using stack = new DisposableStack();
  const event = stack.use(new Event(kernel32));
  const memory = stack.use(new CallMemory(kernel32));
  const overlapped = memory.keep(OVERLAPPED.pack({
    Internal: 0n,
    InternalHigh: 0n,
    Pointer: BigInt(offset),
    hEvent: event.value,
  }));
  // Only a view can be handed over, and whoever gave the buffer keeps it for the time of this function.
  const bytes = memory.keep(buffer) as Uint8Array<ArrayBuffer>;
  if (kernel32[operation](handle, bytes, bytes.length, null, overlapped) === 0) {
    const code = kernel32.GetLastError();
    // A collection may change the last error: only where there is nothing to cancel the call has failed.
    if (code !== errorCode("ERROR_IO_PENDING") && kernel32.CancelIoEx(handle, overlapped) === 0) {
      throw new VirtualDiskError(code, operation, { path });
    }
    while (!event.isSet(WAIT_SLICE));
  }
  const { Internal, InternalHigh } = OVERLAPPED.unpack(overlapped);
  const code = codeOfStatus(Number(Internal & STATUS_MASK));
  if (code !== 0) throw new VirtualDiskError(code, operation, { path });
  return Number(InternalHigh);
}
