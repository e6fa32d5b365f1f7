/**
 * What goes wrong below the portable disk: formats and files know what is wrong and where, but not
 * which operation was asked of the disk. The disk turns it into a `VirtualDiskError`.
 *
 * @module
 */
import type { FieldPlace } from "../../bytes/layout.ts";
import { errorCode, type ErrorSymbol } from "../../errors/codes.ts";
import {
  type ErrorDetail,
  VirtualDiskError,
  type VirtualDiskErrorOptions,
} from "../../errors/error.ts";

/** A fault of an image or of its file. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly symbol: ErrorSymbol;
  readonly options: VirtualDiskErrorOptions;

  constructor(symbol: ErrorSymbol, options: VirtualDiskErrorOptions) {
    super(options.reason ?? symbol, options.cause === undefined ? {} : { cause: options.cause });
    this.symbol = symbol;
    this.options = options;
  }

  /** The fault as the failure of an operation. */
  toVirtualDiskError(operation: string): VirtualDiskError {
    // What is at fault is known here: a cause that is about anything does not hold unless it is said.
    const { about = [] } = this.options;
    return new VirtualDiskError(errorCode(this.symbol), operation, {
      ...this.options,
      backend: "portable",
      about,
    });
  }
}

/** What is left of the disk can be read all the same. */
const SALVAGE = "salvage";

/** A structure of a VHD or VHDX that breaks a rule of its format. */
export function damaged(
  file: { readonly path: string },
  symbol: ErrorSymbol,
  structure: string,
  offset: number,
  found: unknown,
  expected: string,
  about: readonly string[] = [],
): ImageError {
  const detail: ErrorDetail = { structure, offset, found, expected };
  return new ImageError(symbol, { path: file.path, detail, about: [...about, SALVAGE] });
}

/** As {@linkcode damaged}, of a field that its layout places. */
export function damagedField(
  file: { readonly path: string },
  symbol: ErrorSymbol,
  { structure, offset }: FieldPlace,
  found: unknown,
  expected: string,
  about?: readonly string[],
): ImageError {
  return damaged(file, symbol, structure, offset, found, expected, about);
}

/** The refusal to change a disk that was opened for reading. */
export function openForReading({ path }: { readonly path: string }): ImageError {
  const reason = "the disk is open for reading only";
  return new ImageError("ERROR_ACCESS_DENIED", { path, reason, about: ["readOnly"] });
}

/**
 * Whether the system gave no bytes, so that nothing is known of what the file holds. What a device has failed to
 * read is never to be taken for something that is not there.
 */
export function isUnreadable({ options: { cause, detail } }: ImageError): boolean {
  return cause !== undefined && detail === undefined;
}

/** What a damaged structure makes its reader fail with. */
export function isDamage(error: unknown): error is ImageError {
  return error instanceof ImageError && error.options.detail !== undefined;
}

/** As {@linkcode inOperation}, for work that takes long. */
export async function inLongOperation<T>(operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof ImageError ? error.toVirtualDiskError(operation) : error;
  }
}

/** Runs a part of `operation`; an `ImageError` leaves it as a `VirtualDiskError`. */
export function inOperation<T>(operation: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw error instanceof ImageError ? error.toVirtualDiskError(operation) : error;
  }
}
