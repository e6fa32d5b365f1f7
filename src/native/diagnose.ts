/** Why an image does not open or attach, by what Windows says of it. */
import { failureFinding, type Finding, finding, type FindingSubject } from "../disk/finding.ts";
import { openRequest } from "../disk/open_request.ts";
import type { ErrorSymbol } from "../errors/codes.ts";
import { isErrorOf, VirtualDiskError } from "../errors/error.ts";
import { extname } from "../text/paths.ts";
import { shellFile, virtdiskCommand } from "../text/shell.ts";
import { mountPointsOfDisk, physicalPath } from "./device.ts";
import type { Kernel32 } from "./ffi/kernel32.ts";
import { type Libraries, systemLibraries } from "./ffi/library.ts";
import { fullPath, systemDirectory, wideString } from "./ffi/text.ts";
import { openImage, openToAsk } from "./open.ts";
import { ADVAPI32_FUNCTIONS, type ProcessRights, processRights } from "./process_token.ts";

/**
 * Asks Windows about an image. Nothing is changed.
 *
 * @param known What was found already: the same error of the same file is not told twice.
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` off Windows.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi`.
 */
export function diagnoseNative(
  path: string,
  known: readonly Finding[],
  libraries: Libraries = systemLibraries(),
): Finding[] {
  const { kernel32 } = libraries;
  const full = fullPath(kernel32, path, "OpenVirtualDisk");
  const place = diagnosePlace(full, kernel32);
  const errors = [...known, ...place].filter(({ severity }) => severity === "error");
  const told = new Set(errors.map(({ code }) => code));
  return [
    ...place,
    ...diagnoseOpening(full, libraries, known.some(({ subject }) => subject === "log"))
      .filter(({ severity, code }) => severity !== "error" || !told.has(code)),
    // A library that stands in for VirtDisk.dll elsewhere has no process of Windows around it.
    ...(Deno.build.os === "windows" ? diagnosePrivileges(full, kernel32) : []),
  ];
}

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

// What is the matter with where an image lies on Windows: attributes of the file, and its drive.

const INVALID_FILE_ATTRIBUTES = 0xffff_ffff;
/** FILE_ATTRIBUTE_* of winnt.h. */
const ATTRIBUTE = {
  READONLY: 0x1,
  SPARSE_FILE: 0x200,
  COMPRESSED: 0x800,
  OFFLINE: 0x1000,
  ENCRYPTED: 0x4000,
  RECALL_ON_OPEN: 0x40000,
  RECALL_ON_DATA_ACCESS: 0x400000,
} as const;
const ELSEWHERE = ATTRIBUTE.OFFLINE | ATTRIBUTE.RECALL_ON_OPEN | ATTRIBUTE.RECALL_ON_DATA_ACCESS;

/** `\\server\share` and `\\?\UNC\server\share`. */
const NETWORK_PATH = /^(\\\\\?\\unc\\|[\\/]{2}(?![?.][\\/]))/i;

/**
 * Looks at the attributes of a file and at its path.
 *
 * @param path Absolute.
 */
export function diagnosePlace(
  path: string,
  kernel32: Pick<Kernel32, "GetFileAttributesW">,
): Finding[] {
  const attributes = kernel32.GetFileAttributesW(wideString(path));
  // What keeps them from being read keeps the file from being opened, and is found there.
  const found = attributes === INVALID_FILE_ATTRIBUTES ? [] : attributeFindings(path, attributes);
  return [...found, ...networkFindings(path)];
}

/** What the attributes of a file make of it. */
export function attributeFindings(path: string, attributes: number): Finding[] {
  const findings: Finding[] = [];
  const file = shellFile(path, "windows");
  if (attributes & ATTRIBUTE.COMPRESSED) {
    findings.push(finding("error", "compression", path, "the file is compressed by NTFS", {
      symbol: "ERROR_UNSUPPORTED_COMPRESSION",
      remedy:
        'Switch it off (`compact /u`). Or: Open it with the flag "support-compressed-volumes".',
      command: `compact /u ${file}`,
    }));
  }
  if (attributes & ATTRIBUTE.ENCRYPTED) {
    findings.push(finding("error", "encryption", path, "the file is encrypted by EFS", {
      symbol: "ERROR_FILE_ENCRYPTED",
      remedy: 'Decrypt it (`cipher /d`). Or: Open it with the flag "support-encrypted-files".',
      command: `cipher /d ${file}`,
    }));
  }
  if (attributes & ATTRIBUTE.SPARSE_FILE) {
    findings.push(finding("warning", "sparse", path, "the file is sparse", {
      symbol: "ERROR_VIRTUAL_DISK_LIMITATION",
      remedy:
        "Fill it with `fsutil sparse setflag FILE 0` (Windows 8 or newer), or copy it to a file " +
        'that is not sparse. Or: Open it with the flag "support-sparse-files-any-fs".',
      command: `fsutil sparse setflag ${file} 0`,
    }));
  }
  if (attributes & ATTRIBUTE.READONLY) {
    findings.push(finding("warning", "access", path, "the file has the read-only attribute", {
      symbol: "ERROR_ACCESS_DENIED",
      remedy:
        "Remove it (`attrib -r`). Or: Open it with { readOnly: true }, and attach it read-only.",
      command: `attrib -r ${file}`,
    }));
  }
  if (attributes & ELSEWHERE) {
    findings.push(
      finding("warning", "medium", path, "the file's contents are not on this machine", {
        symbol: "ERROR_VIRTUAL_DISK_LIMITATION",
        remedy:
          "Have it kept on this device (OneDrive and its like), or copy it out of the folder.",
      }),
    );
  }
  return findings;
}

function networkFindings(path: string): Finding[] {
  if (!NETWORK_PATH.test(path)) return [];
  return [
    finding("warning", "network", path, "the file is on a network share", {
      symbol: "ERROR_FILE_SYSTEM_LIMITATION",
      remedy:
        "Where the share is this machine's own, use the local path; else mind that the disk " +
        "fails with the network. An ISO image attaches from SMB shares of Windows 8 and later.",
    }),
  ];
}

/** Looks at the privileges of this process, where that is allowed. */
export function diagnosePrivileges(path: string, kernel32: Kernel32): Finding[] {
  const library = `${systemDirectory(kernel32)}\\advapi32.dll`;
  if (Deno.permissions.querySync({ name: "ffi", path: library }).state !== "granted") {
    return [
      finding("info", "privilege", path, "the privileges of this process were not looked at", {
        remedy: `Allow it: --allow-ffi for ${library} too.`,
      }),
    ];
  }
  const advapi32 = Deno.dlopen(library, ADVAPI32_FUNCTIONS);
  try {
    return privilegeFindings(path, processRights(advapi32.symbols, kernel32));
  } catch (error) {
    if (!(error instanceof VirtualDiskError)) throw error;
    return [failureFinding("info", "privilege", path, error)];
  } finally {
    advapi32.close();
  }
}

/** What rights make of it. */
export function privilegeFindings(path: string, rights: ProcessRights): Finding[] {
  const { elevated, manageVolume } = rights;
  const user = elevated ? "runs elevated" : "does not run elevated";
  if (!manageVolume && extname(path).toLowerCase() === ".iso") {
    return [
      finding(
        "info",
        "privilege",
        path,
        `this process ${user}, which an ISO image needs on Windows Server only`,
      ),
    ];
  }
  return manageVolume
    ? [
      finding("info", "privilege", path, `this process ${user} and holds SeManageVolumePrivilege`),
    ]
    : [
      finding(
        "warning",
        "privilege",
        path,
        `this process ${user} and lacks SeManageVolumePrivilege`,
        {
          symbol: "ERROR_PRIVILEGE_NOT_HELD",
          remedy: elevated
            ? "To attach, give this user the right to perform volume maintenance tasks (secpol.msc)."
            : "To attach, run it as an administrator. Opening and inspecting need no privilege.",
          ...(elevated ? {} : { command: "Start-Process powershell -Verb RunAs" }),
        },
      ),
    ];
}
