/** Calls that fill a buffer whose size is not known beforehand. */
import { errorCode } from "../../errors/codes.ts";
import { VirtualDiskError, virtualDiskError } from "../../errors/error.ts";

/** One to learn the size, one to get the answer, and some in case it grows meanwhile. */
const ROUNDS = 5;

/** A call, and the buffers that it may be given. */
export interface SizedCall<T> {
  /** The function, for errors. */
  readonly operation: string;
  /** The image, for errors. */
  readonly path?: string;
  /** What sizes count, for errors. */
  readonly unit: "bytes" | "items";
  /** Size of the first buffer. */
  readonly first: number;
  /** Size of the largest buffer that is allocated, whatever is asked for. */
  readonly largest: number;
  /** Calls with a buffer of that size; `size` is what the size word says afterwards. */
  readonly call: (capacity: number) => { code: number; size: number; answer: T };
}

/** An answer, and how much of the buffer it takes. */
export interface SizedAnswer<T> {
  readonly answer: T;
  readonly size: number;
}

/**
 * Calls with a larger buffer as long as one is asked for: by `ERROR_INSUFFICIENT_BUFFER`, as the pages
 * say, by `ERROR_MORE_DATA`, as Microsoft's samples expect, or by a success of which there is more than
 * the buffer holds.
 *
 * @throws {VirtualDiskError} With the code that the call returns.
 */
export function sizedAnswer<T>(sized: SizedCall<T>): SizedAnswer<T> {
  const { operation, path, unit, largest } = sized;
  let capacity = sized.first;
  for (let round = 0; round < ROUNDS; round++) {
    const { code, size, answer } = sized.call(capacity);
    if (code === 0 && size <= capacity) return { answer, size };
    if (code !== 0 && !asksForMore(code)) throw new VirtualDiskError(code, operation, { path });
    if (size <= capacity || size > largest) {
      throw new VirtualDiskError(code || errorCode("ERROR_MORE_DATA"), operation, {
        path,
        reason: `${capacity} ${unit} are too few, and ${size} were asked for`,
      });
    }
    capacity = size;
  }
  throw virtualDiskError("ERROR_MORE_DATA", operation, {
    path,
    reason: `the answer outgrew ${ROUNDS} buffers`,
  });
}

function asksForMore(code: number): boolean {
  return code === errorCode("ERROR_INSUFFICIENT_BUFFER") || code === errorCode("ERROR_MORE_DATA");
}
