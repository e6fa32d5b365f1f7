/** The call of QueryChangesVirtualDisk, page by page. */
import { byteCount, checkArgument, checkOptions, STRING } from "../disk/arguments.ts";
import {
  CHANGE_QUERY_OPTIONS,
  type ChangedRange,
  type ChangeQueryOptions,
} from "../disk/driver_options.ts";
import {
  QUERY_CHANGES_VIRTUAL_DISK_FLAG,
  VIRTUAL_DISK_MAXIMUM_CHANGE_TRACKING_ID_LENGTH,
} from "../constants.ts";
import { type VirtualDiskError, virtualDiskError } from "../errors/error.ts";
import { assertSuccess, type CalledDisk, newerFunction } from "./call/disk_call.ts";
import { readInformation } from "./information.ts";
import { QUERY_CHANGES_VIRTUAL_DISK_RANGE } from "./ffi/structs.ts";
import { wideString } from "./ffi/text.ts";

const OPERATION = "QueryChangesVirtualDisk";
/** Ranges that one call has room for. */
const PAGE_RANGES = 1024;
const RANGE_SIZE = QUERY_CHANGES_VIRTUAL_DISK_RANGE.size;

/** A part of a disk, and the point since which changes count. */
export interface ChangeQuery {
  readonly changeTrackingId: string;
  /** Bytes. */
  readonly offset: number;
  /** Bytes; past the last of the part. */
  readonly end: number;
}

/**
 * What a script asks for.
 *
 * @throws {TypeError | RangeError} Where an argument is of the wrong kind.
 */
export function changeQuery(
  disk: CalledDisk,
  changeTrackingId: string,
  given: ChangeQueryOptions,
): ChangeQuery {
  const options = checkOptions(CHANGE_QUERY_OPTIONS, given, "queryChanges");
  assertTrackingId(changeTrackingId);
  const offset = byteCount(options.offset ?? 0, "offset");
  const end = options.length === undefined
    ? readInformation(disk, "size").virtualSize
    : offset + byteCount(options.length, "length");
  return { changeTrackingId, offset, end: byteCount(end, "offset + length") };
}

function assertTrackingId(id: string): void {
  const { length } = checkArgument(STRING, id, "changeTrackingId");
  if (length === 0) throw new TypeError("changeTrackingId must not be empty");
  if (length <= VIRTUAL_DISK_MAXIMUM_CHANGE_TRACKING_ID_LENGTH) return;
  throw new RangeError(`changeTrackingId is ${length} characters long`);
}

/**
 * The ranges that have changed.
 *
 * @param disk Is asked before each call, so that a disk closed meanwhile is found out.
 * @throws {VirtualDiskError} With the code that the call returns; `ERROR_INVALID_DATA` where it gets no
 * further or tells of what it was not asked.
 */
export function* queryChanges(
  disk: () => CalledDisk,
  { changeTrackingId, offset, end }: ChangeQuery,
): Generator<ChangedRange> {
  const id = wideString(changeTrackingId);
  for (let position = offset; position < end;) {
    const { processed, ranges } = queryPage(disk(), id, position, end - position);
    yield* ranges;
    position += processed;
  }
}

function queryPage(
  { libraries: { virtdisk }, handle, path }: CalledDisk,
  id: Uint8Array<ArrayBuffer>,
  offset: number,
  length: number,
): { processed: number; ranges: ChangedRange[] } {
  const page = new Uint8Array(PAGE_RANGES * RANGE_SIZE);
  const count = Uint32Array.of(PAGE_RANGES);
  const processedLength = new BigUint64Array(1);
  const code = newerFunction(virtdisk, OPERATION)(
    handle,
    id,
    BigInt(offset),
    BigInt(length),
    QUERY_CHANGES_VIRTUAL_DISK_FLAG.NONE,
    page,
    count,
    processedLength,
  );
  assertSuccess(code, OPERATION, path);
  const filled = count[0]!;
  if (filled > PAGE_RANGES) {
    throw invalid(path, `${filled} ranges were given where ${PAGE_RANGES} have room`);
  }
  const processed = Math.min(Number(processedLength[0]!), length);
  if (processed === 0) throw invalid(path, `nothing was looked at from byte ${offset} on`);
  const ranges = Array.from({ length: filled }, (_, i) => {
    const { ByteOffset, ByteLength } = QUERY_CHANGES_VIRTUAL_DISK_RANGE.unpack(
      page.subarray(i * RANGE_SIZE, (i + 1) * RANGE_SIZE),
    );
    const range = { offset: Number(ByteOffset), length: Number(ByteLength) };
    if (range.offset < offset || range.offset + range.length > offset + length) {
      throw invalid(
        path,
        `a range outside of what was asked for: ${ByteOffset}, ${ByteLength} long`,
      );
    }
    return range;
  });
  return { processed, ranges };
}

function invalid(path: string, reason: string): VirtualDiskError {
  return virtualDiskError("ERROR_INVALID_DATA", OPERATION, { path, reason });
}
