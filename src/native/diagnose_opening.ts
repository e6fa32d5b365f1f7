/** Whether Windows opens an image, and where it is attached. */
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import type { ErrorSymbol } from "../errors/codes.ts";
import { failureFinding, type Finding, finding, type FindingSubject } from "../disk/finding.ts";
import { openRequest } from "../disk/open_request.ts";
import { shellFile, virtdiskCommand } from "../text/shell.ts";
import type { Libraries } from "./library.ts";
import { openImage, openToAsk } from "./open.ts";
import { physicalPath } from "./physical_path.ts";
import { mountPointsOfDisk } from "./volumes.ts";

const SUBJECTS: Partial<Record<string, FindingSubject>> = {
  ERROR_FILE_NOT_FOUND: "file",
  ERROR_PATH_NOT_FOUND: "file",
  ERROR_ACCESS_DENIED: "access",
  ERROR_SHARING_VIOLATION: "lock",
  ERROR_WRITE_PROTECT: "medium",
  ERROR_UNSUPPORTED_COMPRESSION: "compression",
  ERROR_FILE_ENCRYPTED: "encryption",
  ERROR_FILE_SYSTEM_LIMITATION: "network",
  ERROR_VHD_PARENT_VHD_NOT_FOUND: "parent",
  ERROR_VHD_PARENT_VHD_ACCESS_DENIED: "parent",
  ERROR_VHD_CHILD_PARENT_ID_MISMATCH: "parent",
  ERROR_VHD_CHILD_PARENT_TIMESTAMP_MISMATCH: "parent",
  ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH: "parent",
  ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED: "parent",
  ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT: "parent",
} satisfies Partial<Record<ErrorSymbol, FindingSubject>>;

/** A disk that is not attached has no device; nor has one that is attached without the local host. */
const NOT_ATTACHED: ErrorSymbol[] = [
  "ERROR_DEV_NOT_EXIST",
  "ERROR_NOT_READY",
  "ERROR_FILE_NOT_FOUND",
  "ERROR_INVALID_PARAMETER",
];

/**
 * Opens the image as Windows does by default, then alone, to see where it is attached.
 *
 * @param hasDirtyLog Whether the image, or a parent, has a log that must be replayed.
 */
export function diagnoseOpening(
  path: string,
  libraries: Libraries,
  hasDirtyLog: boolean,
): Finding[] {
  return [...openFindings(path, libraries, hasDirtyLog), ...attachmentFindings(path, libraries)];
}

function openFindings(path: string, libraries: Libraries, hasDirtyLog: boolean): Finding[] {
  try {
    openImage(libraries, openRequest(path, {})).handle.close();
    return [];
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    if (hasDirtyLog && isErrorOf(error, "ERROR_ACCESS_DENIED")) return [dirtyLogFinding(path)];
    return [failureFinding("error", SUBJECTS[error.symbol] ?? "format", path, error)];
  }
}

/** Windows does not replay a log in memory, as the portable backend does. */
function dirtyLogFinding(path: string): Finding {
  const message = "Windows does not open the image for reading: its log must be replayed first";
  return finding("error", "log", path, message, {
    symbol: "ERROR_ACCESS_DENIED",
    remedy: "Open it for writing once, with { readOnly: false }: that replays the log. " +
      "The portable backend reads it as it is.",
    command: virtdiskCommand("check", ["--repair"], [path]),
  });
}

function attachmentFindings(path: string, libraries: Libraries): Finding[] {
  try {
    const opened = openToAsk(libraries, path);
    using handle = opened.handle;
    const device = physicalPath({ libraries, handle: handle.value, path: opened.path });
    const where = [device, ...mountPointsOfDisk(libraries.kernel32, device)].join(", ");
    return [
      finding("warning", "attachment", path, `the image is attached: ${where}`, {
        symbol: "ERROR_SHARING_VIOLATION",
        remedy: "To attach it otherwise, detach it first: `Dismount-DiskImage`, or close whoever " +
          "attached it.",
        command: `Dismount-DiskImage -ImagePath ${shellFile(path, "windows")}`,
      }),
    ];
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    // Why it does not open has been found already.
    if (error.operation === "OpenVirtualDisk" || isErrorOf(error, ...NOT_ATTACHED)) return [];
    return [failureFinding("info", "attachment", path, error)];
  }
}
