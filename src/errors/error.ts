/**
 * The one error class of the module. Wrong arguments are `TypeError` or `RangeError`, a refusal of
 * Deno's sandbox stays `Deno.errors.NotCapable`; everything else that goes wrong is this.
 *
 * @module
 */
import { causesOf, situationOf } from "./causes.ts";
import { errorCode, errorMeaning, type ErrorSymbol, errorSymbol } from "./codes.ts";
import { codeName } from "../text/error_code.ts";
import { quoted } from "../text/quoted.ts";

/**
 * Where in an image file the portable backend found something wrong.
 *
 * @category Errors
 */
export interface ErrorDetail {
  /** The structure of the format, in its specification's words, for example `"log entry header"`. */
  readonly structure: string;
  /** Byte offset of the offending field or structure in the file. */
  readonly offset: number;
  /** What is there. */
  readonly found: unknown;
  /** What the format asks for. */
  readonly expected: string;
}

/**
 * What a {@linkcode VirtualDiskError} carries beside its code and operation.
 *
 * @category Errors
 */
export interface VirtualDiskErrorOptions {
  /** The image that the operation was about; absent where it was about none. */
  path?: string | undefined;
  /** What happened in this very case; default: what the code means in general. */
  reason?: string | undefined;
  /** What usually brings it about and what to do; default: what is known of the code in this operation. */
  causes?: readonly string[] | undefined;
  /**
   * Which backend failed, for the default causes.
   *
   * @default {"native"}
   */
  backend?: "native" | "portable" | undefined;
  /**
   * The options that may be at fault, for the default causes: those about other options do not hold. By
   * default any may be.
   */
  about?: readonly string[] | undefined;
  /** Portable backend: the place in the file; absent where the file is not damaged. */
  detail?: ErrorDetail | undefined;
  /** The error that led to this one, where there was one. */
  cause?: unknown;
}

/**
 * A virtual disk operation that Windows, or the portable backend in its place, refused.
 *
 * @example Tell the causes apart
 * ```ts
 * import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
 *
 * try {
 *   using disk = await openVirtualDisk("no-such-folder/disk.vhdx", { backend: "portable" });
 *   console.log(disk.getInformation("size"));
 * } catch (error) {
 *   if (!(error instanceof VirtualDiskError)) throw error;
 *   console.log(error.symbol, error.code); // ERROR_PATH_NOT_FOUND 3
 *   for (const cause of error.causes) console.log("-", cause);
 * }
 * ```
 *
 * @category Errors
 */
export class VirtualDiskError extends Error {
  /** Always `"VirtualDiskError"`. */
  override readonly name = "VirtualDiskError";
  /** The Win32 error code, unsigned: `1392`, `0xC03A000D`, ... */
  readonly code: number;
  /** Its name in winerror.h, for example `"ERROR_FILE_CORRUPT"`, or the number in hexadecimal. */
  readonly symbol: ErrorSymbol;
  /** The function of virtdisk.h that failed, or whose work the portable backend was doing. */
  readonly operation: string;
  /**
   * The image that the operation was about; absent where it was about none. It is the path as it was given
   * where the file could not be opened, else the absolute one.
   */
  declare readonly path?: string;
  /** What is wrong: the message without operation, path, code and causes. */
  readonly reason: string;
  /**
   * What usually brings this code about in this operation, here and with these arguments, and what to do. May
   * be empty.
   */
  readonly causes: readonly string[];
  /** Portable backend: which structure of the file is wrong, and where. */
  declare readonly detail?: ErrorDetail;

  /** Made by this module; exported so that `instanceof` can be asked. */
  constructor(code: number, operation: string, options: VirtualDiskErrorOptions = {}) {
    const { backend = "native", about } = options;
    const causes = options.causes ?? causesOf(operation, code, situationOf(backend, about));
    const reason = reasonOf(code, options);
    super(
      describe(code, operation, options.path, reason, causes),
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.code = code;
    this.symbol = errorSymbol(code);
    this.operation = operation;
    this.reason = reason;
    this.causes = causes;
    if (options.path !== undefined) this.path = options.path;
    if (options.detail !== undefined) this.detail = options.detail;
  }
}

/** Makes the error of a code known by its symbol. */
export function virtualDiskError(
  symbol: ErrorSymbol,
  operation: string,
  options?: VirtualDiskErrorOptions,
): VirtualDiskError {
  return new VirtualDiskError(errorCode(symbol), operation, options);
}

/** Whether `error` is a {@linkcode VirtualDiskError} with one of the codes. */
export function isErrorOf(error: unknown, ...symbols: ErrorSymbol[]): error is VirtualDiskError {
  return error instanceof VirtualDiskError && symbols.some((each) => each === error.symbol);
}

function reasonOf(code: number, { reason, detail }: VirtualDiskErrorOptions): string {
  const what = reason ?? errorMeaning(code);
  if (detail === undefined) return what;
  const { structure, offset, found, expected } = detail;
  return `${what}: ${structure} at offset ${offset}: found ${show(found)}, expected ${expected}`;
}

function describe(
  code: number,
  operation: string,
  path: string | undefined,
  reason: string,
  causes: readonly string[],
): string {
  const subject = path === undefined ? operation : `${operation} ${quoted(path)}`;
  const text = `${subject}: ${reason} (${codeName(errorSymbol(code), code)})`;
  return causes[0] === undefined ? text : `${text}. ${causes[0]}`;
}

/** Numbers that are given so: checksums and versions. */
const HEXADECIMAL = /^0x[0-9A-F]+$/;

function show(value: unknown): string {
  return typeof value === "string" && !HEXADECIMAL.test(value)
    ? JSON.stringify(value)
    : String(value);
}
