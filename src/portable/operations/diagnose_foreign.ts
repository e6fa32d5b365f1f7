/**
 * What to do with files that are no images of Windows: those of other programs, packed ones, raw disks.
 *
 * @module
 */
import { bytesText, groupedDigits } from "../../text/digits.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type Finding, finding } from "../../disk/finding.ts";
import { basename, extname } from "../../text/paths.ts";
import { shellFile, virtdiskCommand } from "../../text/shell.ts";
import { freshPath } from "./diagnose_name.ts";
import type { ForeignFormat, ForeignKind } from "../image/foreign_format.ts";
import type { RawDisk } from "../partitions/raw_disk.ts";
import type { PromisedEnd } from "../file/promised_end.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Of a file that begins as one of another program does. */
export function foreignFinding(
  path: string,
  { name, advice, kind }: ForeignFormat,
  symbol: ErrorSymbol,
): Finding {
  const command = COMMANDS[kind]?.(path);
  return finding(
    "error",
    "format",
    path,
    `the file is ${name}, not a VHD, VHDX or ISO image`,
    { symbol, remedy: advice, ...(command === undefined ? {} : { command }) },
  );
}

/** Of a file that begins with a partition table, and is called by no format or a wrong one. */
export function rawDiskFindings(
  path: string,
  size: number,
  { kind, end }: RawDisk,
  symbol: ErrorSymbol,
): Finding[] {
  const command = convertRaw(path);
  const found = finding(
    "error",
    "format",
    path,
    `the file is a raw disk with ${tableName(kind)}, not a VHD, VHDX or ISO image`,
    { symbol, remedy: "Say that it is a raw disk, as nothing in such a file does.", command },
  );
  return end > size ? [cutOffDisk(path, size, end), found] : [found];
}

/**
 * Of a file that is called a VHD and has no footer. Only that, the last 512 bytes, tells a fixed VHD from a raw
 * disk: of either, the end may be missing.
 *
 * @param promised Where the file ends by what is left of its footer.
 * @param footerLength Bytes.
 */
export function footerlessFindings(
  path: string,
  size: number,
  rawDisk: RawDisk | undefined,
  promised: PromisedEnd | undefined,
  footerLength: number,
): Finding[] {
  const table = rawDisk === undefined ? "" : ` with ${tableName(rawDisk.kind)}`;
  const found = finding(
    "error",
    "format",
    path,
    `the file has no footer, which a VHD ends with: it is a raw disk${table}, or its end is missing`,
    {
      symbol: "ERROR_VHD_FORMAT_UNKNOWN",
      remedy: "If it is a raw disk, convert it. Else copy or download it again: how many bytes a " +
        "fixed VHD has, only its footer says; what is left can be converted as a raw disk.",
      command: convertRaw(path),
    },
  );
  if (promised !== undefined) {
    return [cutOffDisk(path, size, promised.end, promised.isExact), found];
  }
  // Of a whole disk, nothing but the footer is missing; then it never was a VHD.
  const isCutOff = rawDisk !== undefined && rawDisk.end > size;
  return isCutOff ? [cutOffDisk(path, size, rawDisk.end + footerLength), found] : [found];
}

function tableName(kind: RawDisk["kind"]): string {
  return kind === "gpt" ? "a GPT" : "an MBR";
}

function cutOffDisk(path: string, size: number, end: number, isExact = false): Finding {
  const least = isExact ? "" : "at least ";
  const missingBytes = end - size;
  const verb = missingBytes === 1 ? "is" : "are";
  return finding(
    "error",
    "cut-off",
    path,
    `cut off: ${least}${bytesText(missingBytes)} ${verb} missing: the file has ${
      groupedDigits(size)
    } of ` +
      `${least}${groupedDigits(end)}`,
    {
      symbol: "ERROR_VHD_INVALID_FILE_SIZE",
      remedy:
        "Copy or download the file again, from a place where it is whole; what is left of it " +
        "can be converted as a raw disk.",
      missingBytes,
      command: convertRaw(path),
    },
  );
}

/** Makes an image of a file that is a raw disk. */
export function convertRaw(path: string): string {
  const target = freshPath(path, /\.a?vhd$/i.test(path) ? ".vhd" : ".vhdx");
  return virtdiskCommand("convert", ["--source-type", "raw"], [path, target]);
}

type Command = (path: string) => string | undefined;

/** Writes what is unpacked to another file, as the packed one may have any name. */
const unpack = (program: string, extensions: readonly string[]): Command => (path) =>
  IS_WINDOWS
    ? `7z e ${shellFile(path)}`
    : `${program} -dc < ${shellFile(path)} > ${shellFile(unpackedPath(path, extensions))}`;

const both = (command: string): Command => (path) => `${command} ${shellFile(path)}`;
const elsewhere = (windows: Command, posix: Command): Command => IS_WINDOWS ? windows : posix;

/** Programs that are part of the system, or that most people have. */
const COMMANDS: Partial<Record<ForeignKind, Command>> = {
  image: (path) =>
    `qemu-img convert -O vhdx -o subformat=dynamic ${shellFile(path)} ${
      shellFile(freshPath(path, ".vhdx"))
    }`,
  raw: convertRaw,
  gzip: unpack("gzip", [".gz"]),
  bzip2: unpack("bzip2", [".bz2"]),
  xz: unpack("xz", [".xz"]),
  zstd: unpack("zstd", [".zst"]),
  lz4: unpack("lz4", [".lz4"]),
  lzip: unpack("lzip", [".lz"]),
  zip: elsewhere(
    (path) => `tar -xf ${shellFile(path)}`,
    both("unzip"),
  ),
  "7z": both("7z x"),
  rar: both(IS_WINDOWS ? "tar -xf" : "7z x"),
  cab: elsewhere((path) => `expand ${shellFile(path)} -F:* .`, both("7z x")),
  tar: both("tar -xf"),
  wim: elsewhere(
    (path) => `dism /Get-ImageInfo /ImageFile:${shellFile(path)}`,
    both("7z l"),
  ),
  evidence: both("ewfinfo"),
};

/** `disk.vhdx` of `disk.vhdx.gz`; else the same name with a number. */
function unpackedPath(path: string, extensions: readonly string[]): string {
  const extension = extname(path);
  if (!extensions.includes(extension.toLowerCase())) return freshPath(path, extension);
  const inner = path.slice(0, -extension.length);
  const name = basename(inner);
  return extname(name) === "" ? freshPath(inner, ".img") : freshPath(inner, extname(inner));
}
