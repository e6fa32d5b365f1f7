/**
 * The errors of Deno's file functions, as the Win32 codes that Windows gives for the same causes.
 *
 * @module
 */
import { type ErrorSymbol, knownSymbol } from "../../errors/codes.ts";
import type { VirtualDiskErrorOptions } from "../../errors/error.ts";
import { dirname } from "../../text/paths.ts";
import { ImageError } from "./image_error.ts";

/**
 * What an operation on a file may be refused for: reading it, writing it, making or removing its name; or what is no
 * file, but stands for one.
 */
export type FileFault = "file" | "file to write" | "folder" | "handle";

/**
 * Runs calls of Deno's file functions; their errors become Win32 codes.
 *
 * @param fault For the causes of an error.
 */
export function fileOperation<T>(path: string, run: () => T, fault: FileFault = "file"): T {
  try {
    return run();
  } catch (error) {
    throw fileError(path, error, fault);
  }
}

/** POSIX error names, and the Win32 codes that Windows gives in their place. */
const POSIX_CODES: Record<string, ErrorSymbol> = {
  EACCES: "ERROR_ACCESS_DENIED",
  EAGAIN: "ERROR_SHARING_VIOLATION",
  EBUSY: "ERROR_SHARING_VIOLATION",
  EDQUOT: "ERROR_DISK_FULL",
  EEXIST: "ERROR_FILE_EXISTS",
  EFBIG: "ERROR_FILE_SYSTEM_LIMITATION",
  EIO: "ERROR_IO_DEVICE",
  EISDIR: "ERROR_ACCESS_DENIED",
  ELOOP: "ERROR_BAD_PATHNAME",
  EMFILE: "ERROR_TOO_MANY_OPEN_FILES",
  ENAMETOOLONG: "ERROR_FILENAME_EXCED_RANGE",
  ENFILE: "ERROR_TOO_MANY_OPEN_FILES",
  ENOENT: "ERROR_FILE_NOT_FOUND",
  ENOSPC: "ERROR_DISK_FULL",
  ENOTDIR: "ERROR_PATH_NOT_FOUND",
  ENXIO: "ERROR_NO_SUCH_DEVICE",
  EPERM: "ERROR_ACCESS_DENIED",
  EROFS: "ERROR_WRITE_PROTECT",
  ETXTBSY: "ERROR_SHARING_VIOLATION",
};

/** What the file functions threw, as the Win32 code of the same cause. */
export function fileError(path: string, error: unknown, fault: FileFault = "file"): unknown {
  const isFileError = error instanceof Error && !(error instanceof ImageError) &&
    !(error instanceof Deno.errors.NotCapable) && !(error instanceof TypeError);
  if (!isFileError) return error;
  const symbol = symbolOf(path, error);
  return new ImageError(symbol, {
    path,
    about: [fault],
    cause: error,
    reason: symbol === "ERROR_GEN_FAILURE" ? error.message : undefined,
    ...(LIMITS[systemErrorName(error)] ?? {}),
  });
}

/** What there is to be said of files that cannot grow, by POSIX error name, which Deno gives on Windows too. */
const LIMITS: Record<string, Pick<VirtualDiskErrorOptions, "reason" | "about">> = {
  ENOSPC: { about: ["space"] },
  EDQUOT: {
    reason: "the space that this user may take on the volume is used up",
    about: ["quota"],
  },
  EFBIG: {
    reason: "the file would become larger than the file system or a limit of the process allows",
    about: ["length of the file"],
  },
};

function symbolOf(path: string, error: Error): ErrorSymbol {
  const symbol = windowsSymbol(error) ?? POSIX_CODES[systemErrorName(error)] ??
    symbolOfClass(error);
  return symbol === "ERROR_FILE_NOT_FOUND" && !folderExists(path) ? "ERROR_PATH_NOT_FOUND" : symbol;
}

/** Windows' own number says it best; only for a name that is taken it has two. */
function windowsSymbol(error: Error): ErrorSymbol | undefined {
  const isWindows = Deno.build.os === "windows" && !(error instanceof Deno.errors.AlreadyExists);
  return isWindows ? knownSymbol(systemErrorNumber(error)) : undefined;
}

/** The system's number, at the end of the messages of Deno's file functions. */
const OS_ERROR = /\(os error (\d+)\)/;

function systemErrorNumber({ message }: Error): number {
  return Number(OS_ERROR.exec(message)?.[1]);
}

/** The POSIX name of what a file function threw. Deno names most errors, but not all: EFBIG has its number alone. */
export function systemErrorName(error: Error): string {
  if ("code" in error) return String(error.code);
  const number = systemErrorNumber(error);
  // Loaded here, as it takes a third of the time in which an empty script starts, and few errors have no name.
  const { constants } = process.getBuiltinModule("node:os");
  return Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? "";
}

/** Deno's classes, for errors that carry no name. */
function symbolOfClass(error: Error): ErrorSymbol {
  if (error instanceof Deno.errors.NotFound) return "ERROR_FILE_NOT_FOUND";
  if (error instanceof Deno.errors.PermissionDenied) return "ERROR_ACCESS_DENIED";
  if (error instanceof Deno.errors.AlreadyExists) return "ERROR_FILE_EXISTS";
  if (error instanceof Deno.errors.Busy) return "ERROR_SHARING_VIOLATION";
  if (error instanceof Deno.errors.NotADirectory) return "ERROR_PATH_NOT_FOUND";
  if (error instanceof Deno.errors.FilesystemLoop) return "ERROR_BAD_PATHNAME";
  return "ERROR_GEN_FAILURE";
}

/** Windows tells a missing file (2) from a missing folder (3); POSIX does not. */
function folderExists(path: string): boolean {
  try {
    return Deno.statSync(dirname(path)).isDirectory;
  } catch (error) {
    // Not allowed to look: the file is what was asked for, so the file is what is missing.
    return error instanceof Deno.errors.NotCapable || error instanceof Deno.errors.PermissionDenied;
  }
}
