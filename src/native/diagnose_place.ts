/** What is the matter with where an image lies on Windows: attributes of the file, and its drive. */
import { type Finding, finding } from "../disk/finding.ts";
import { shellFile } from "../text/shell.ts";
import type { Kernel32 } from "./kernel32.ts";
import { wideString } from "./wide_string.ts";

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
