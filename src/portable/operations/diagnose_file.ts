/**
 * What is the matter with an image as a file: whatever is in it.
 *
 * @module
 */
import { bytesText, groupedDigits } from "../../text/digits.ts";
import { errorCode, errorMeaning } from "../../errors/codes.ts";
import { type Finding, finding, type FindingSubject } from "../../disk/finding.ts";
import { dirname } from "../../text/paths.ts";
import { shellFile } from "../../text/shell.ts";
import { lockFile, seesAllLocks, unlockFile } from "../file/file_locks.ts";
import { fileOperation } from "../file/file_operation.ts";
import { ImageError } from "../file/image_error.ts";

const IS_WINDOWS = Deno.build.os === "windows";
/** The unit of `blocks` (POSIX, `st_blocks`). */
const STAT_BLOCK = 512;

/** What is the matter, and whether the file can be read at all. */
export interface FileDiagnosis {
  readonly findings: readonly Finding[];
  readonly readable: boolean;
}

/**
 * Looks at a file.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for it.
 */
export function diagnoseFile(path: string): FileDiagnosis {
  const unreadable = unreadableFinding(path);
  if (unreadable !== undefined) return { findings: [unreadable], readable: false };
  const locks = lockFindings(path);
  // Windows enforces locks: nothing can be read then.
  const readable = Deno.build.os !== "windows" ||
    locks.every(({ severity }) => severity !== "error");
  return { findings: [...writeFindings(path), ...locks, ...holeFindings(path)], readable };
}

function unreadableFinding(path: string): Finding | undefined {
  const error = failureOf(path, () => {
    const { isFile, isDirectory } = Deno.statSync(path);
    if (isDirectory) {
      throw new ImageError("ERROR_ACCESS_DENIED", { path, reason: "the path is a folder" });
    }
    // Opening a pipe may wait for ever.
    if (!isFile) {
      throw new ImageError("ERROR_NOT_SUPPORTED", {
        path,
        reason: "the path is a device, pipe or socket",
      });
    }
    Deno.openSync(path).close();
  });
  if (error === undefined) return undefined;
  const { symbol } = error;
  const isFolder = symbol === "ERROR_ACCESS_DENIED" && error.options.reason !== undefined;
  return fileFinding(
    "error",
    SUBJECTS[symbol] ?? "file",
    path,
    error,
    isFolder ? "Name an image file in it." : REMEDIES[symbol],
    isFolder ? listCommand(path) : unreadableCommand(path, symbol),
  );
}

function unreadableCommand(path: string, symbol: ImageError["symbol"]): string | undefined {
  switch (symbol) {
    case "ERROR_FILE_NOT_FOUND":
      return listCommand(dirname(path));
    case "ERROR_ACCESS_DENIED":
      return IS_WINDOWS ? `icacls ${shellFile(path)}` : `ls -l ${shellFile(path)}`;
    case "ERROR_SHARING_VIOLATION":
      return holdersCommand(path);
    default:
      return undefined;
  }
}

function listCommand(folder: string): string {
  return IS_WINDOWS ? `dir ${shellFile(folder)}` : `ls -la ${shellFile(folder)}`;
}

/** Who has the file open; Windows has no program of its own that says so of a file. */
function holdersCommand(path: string): string | undefined {
  return IS_WINDOWS ? undefined : `lsof ${shellFile(path)}`;
}

const OPEN_ELSEWHERE =
  "Close it there, or detach it; a virtual machine must be shut down or let go of it. " +
  "Or: Meanwhile open it with { getInfoOnly: true }, for information alone.";

const SUBJECTS: Partial<Record<ImageError["symbol"], FindingSubject>> = {
  ERROR_ACCESS_DENIED: "access",
  ERROR_SHARING_VIOLATION: "lock",
};

const REMEDIES: Partial<Record<ImageError["symbol"], string>> = {
  ERROR_FILE_NOT_FOUND: "Check the path and the current directory.",
  ERROR_PATH_NOT_FOUND: "Check the folders of the path, and that its drive is there.",
  ERROR_ACCESS_DENIED: "Give this user the right to read the file.",
  ERROR_SHARING_VIOLATION: OPEN_ELSEWHERE,
  ERROR_NOT_SUPPORTED: "Copy the contents into a file.",
};

/** A file that opens for writing is not changed by that, not even its time stamp. */
function writeFindings(path: string): Finding[] {
  const { state } = Deno.permissions.querySync({ name: "write", path });
  if (state !== "granted") {
    return [
      finding("info", "access", path, "whether the file can be written was not looked at", {
        remedy: "Allow it: --allow-write for the file.",
      }),
    ];
  }
  const error = failureOf(path, () => Deno.openSync(path, { write: true }).close());
  if (error === undefined) return [];
  return error.symbol === "ERROR_WRITE_PROTECT"
    ? [
      fileFinding(
        "warning",
        "medium",
        path,
        error,
        "Copy the image to a medium that is not read-only.",
      ),
    ]
    : [
      fileFinding(
        "warning",
        "access",
        path,
        error,
        "Give this user the right to write the file. Or: Open it with { readOnly: true }.",
        IS_WINDOWS ? `attrib -r ${shellFile(path)}` : `chmod u+w ${shellFile(path)}`,
      ),
    ];
}

/** A lock is taken for a moment only: another opener that comes then would be refused. */
function lockFindings(path: string): Finding[] {
  const unseen = seesAllLocks() ? [] : [unseenLocks(path)];
  const read = lockFailure(path, false);
  if (read !== undefined) {
    const message = read.options.reason ?? "another program has the image open for writing";
    const remedy = OPEN_ELSEWHERE;
    return [lockFinding("error", path, message, remedy), ...unseen];
  }
  const write = lockFailure(path, true);
  if (write === undefined) return unseen;
  const message = write.options.reason ??
    "another program has the image open: it cannot be written to";
  const remedy = "Close it there. Or: Open it with { readOnly: true }.";
  return [lockFinding("warning", path, message, remedy), ...unseen];
}

function lockFinding(
  severity: "error" | "warning",
  path: string,
  message: string,
  remedy: string,
): Finding {
  const [, pid] = /^process (\d+)\b/.exec(message) ?? [];
  const command = pid === undefined ? holdersCommand(path) : `ps -fp ${pid}`;
  return finding(severity, "lock", path, message, {
    symbol: "ERROR_SHARING_VIOLATION",
    remedy,
    ...(command === undefined ? {} : { command }),
  });
}

function unseenLocks(path: string): Finding {
  const message =
    "whether QEMU, or another program whose locks Deno does not notice, has the image " +
    "open was not looked at";
  const remedy = Deno.build.os === "linux"
    ? "Allow it: --allow-all, without which Deno does not read /proc/locks."
    : "Make sure that no virtual machine uses it: this system does not say.";
  return finding("info", "lock", path, message, { remedy });
}

/** Why the file cannot be locked. */
function lockFailure(path: string, isExclusive: boolean): ImageError | undefined {
  return failureOf(path, () => {
    using file = Deno.openSync(path);
    lockFile(path, file, isExclusive);
    unlockFile(file);
  });
}

/** Windows does not count blocks: there the attribute of the file says it. */
function holeFindings(path: string): Finding[] {
  const { blocks, size } = fileOperation(path, () => Deno.statSync(path));
  if (blocks === null || blocks * STAT_BLOCK >= size) return [];
  return [
    finding(
      "info",
      "sparse",
      path,
      `the file is sparse: ${groupedDigits(blocks * STAT_BLOCK)} of ${
        bytesText(size)
      } are allocated`,
      {
        symbol: "ERROR_VIRTUAL_DISK_LIMITATION",
        remedy:
          "Copied to Windows it must not stay sparse: copy it with `cp --sparse=never`, or fill " +
          "it there with `fsutil sparse setflag FILE 0` (Windows 8 or newer). A fixed disk is made " +
          "without holes by `preallocate`.",
      },
    ),
  ];
}

function fileFinding(
  severity: Finding["severity"],
  subject: FindingSubject,
  path: string,
  error: ImageError,
  remedy: string | undefined,
  command?: string,
): Finding {
  const { reason } = error.options;
  const message = reason ?? errorMeaning(errorCode(error.symbol));
  return finding(severity, subject, path, message, {
    symbol: error.symbol,
    ...(remedy === undefined ? {} : { remedy }),
    ...(command === undefined ? {} : { command }),
  });
}

function failureOf(path: string, run: () => void): ImageError | undefined {
  try {
    fileOperation(path, run);
    return undefined;
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}
