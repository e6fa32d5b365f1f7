/**
 * What is the matter with an image by its contents: format, name, damage, log, sizes.
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { bytesText, groupedDigits } from "../../text/digits.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { failureFinding, type Finding, finding } from "../../disk/finding.ts";
import type { OperationOptions } from "../../disk/progress.ts";
import { shellFile, virtdiskCommand } from "../../text/shell.ts";
import { checkFile } from "./check.ts";
import { type Contents, contentsOf } from "./contents.ts";
import { formatNamed, openImage } from "../formats.ts";
import type { Format } from "../image/format.ts";
import { damageFindings } from "./diagnose_damage.ts";
import {
  convertRaw,
  footerlessFindings,
  foreignFinding,
  rawDiskFindings,
} from "./diagnose_foreign.ts";
import { nameFindings } from "./diagnose_name.ts";
import type { DiskImage, IsoVolume } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";
import { ImageFile } from "../file/image_file.ts";

const IS_WINDOWS = Deno.build.os === "windows";
const MIB = 1024 * 1024;
/** CreateVirtualDisk makes no smaller disk. */
const SMALLEST_DISK = 3 * MIB;
/** Bytes at the start of a file in which every format but a fixed VHD has something. */
const BEGINNING = 64 * 1024;

/** What was found in a file, and whether the image in it has a parent. */
export interface ImageDiagnosis {
  readonly findings: Finding[];
  readonly isDifferencing: boolean;
}

/**
 * Looks into an image, without its parents: all that a check looks at, and more.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for it.
 */
export async function diagnoseImage(
  path: string,
  options: OperationOptions,
): Promise<ImageDiagnosis> {
  try {
    using file = ImageFile.open(path, { sharing: "everyone" });
    const contents = contentsOf(file);
    if (!contents.isMarked && !isUnmarkedImage(file, contents)) {
      return { findings: unmarkedFindings(file, path, contents), isDifferencing: false };
    }
    return await markedImage(file, path, contents.format!, options);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const failure = error.toVirtualDiskError("OpenVirtualDisk");
    return {
      findings: [failureFinding("error", "format", path, failure)],
      isDifferencing: false,
    };
  }
}

async function markedImage(
  file: ImageFile,
  path: string,
  format: NonNullable<Contents["format"]>,
  options: OperationOptions,
): Promise<ImageDiagnosis> {
  const report = await checkFile(file, format, { ...options, repair: false }, () => {});
  const damage = damageFindings(path, file.size, report);
  const name = nameFindings(path, format);
  const image = openOrFailure(file, path, format);
  if ("failure" in image) {
    // What a check finds has its place; only what it does not find is told as the open tells it.
    const isKnown = damage.some(({ severity }) => severity === "error");
    const broken = formatNamed(format).openBroken?.(file);
    const findings = [
      // A disc of a length that Windows refuses says all the same what is on it.
      ...(broken === undefined ? [] : [describe(broken, path)]),
      ...damage,
      ...name,
      ...(isKnown ? [] : [image.failure]),
    ];
    return { findings, isDifferencing: false };
  }
  const findings = [
    describe(image, path),
    ...damage,
    ...name,
    ...sizeFindings(image, path),
  ];
  return { findings, isDifferencing: image.parent !== undefined };
}

function openOrFailure(
  file: ImageFile,
  path: string,
  format: NonNullable<Contents["format"]>,
): DiskImage | { failure: Finding } {
  try {
    return openImage(file, format);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const failure = error.toVirtualDiskError("OpenVirtualDisk");
    return { failure: failureFinding("error", "format", path, failure) };
  }
}

/** A VHDX whose first sector was overwritten is still one. */
function isUnmarkedImage(file: ImageFile, { format, foreign }: Contents): boolean {
  if (format === undefined || foreign !== undefined) return false;
  return formatNamed(format).matchesWithoutMark?.(file) ?? false;
}

/** Of a file that has the mark of no format. */
function unmarkedFindings(file: ImageFile, path: string, contents: Contents): Finding[] {
  const { foreign, rawDisk } = contents;
  const format = contents.format && formatNamed(contents.format);
  const symbol = format?.unmarked ?? "ERROR_VIRTDISK_PROVIDER_NOT_FOUND";
  const footerLength = format?.trailerLength;
  if (file.size === 0) {
    return [
      finding("error", "cut-off", path, "the file is empty", {
        symbol,
        remedy: AGAIN,
        command: `${IS_WINDOWS ? "dir" : "ls -l"} ${shellFile(path)}`,
      }),
    ];
  }
  // A fixed VHD begins as its disk does: with a file system if that has no partitions.
  const isVhdsDisk = footerLength !== undefined && foreign?.kind === "raw";
  if (foreign !== undefined && !isVhdsDisk) return [foreignFinding(path, foreign, symbol)];
  if (footerLength !== undefined) {
    const promised = format?.promisedEnd?.(file);
    if (rawDisk ?? promised ?? (isVhdsDisk || file.size >= SMALLEST_DISK)) {
      return footerlessFindings(path, file.size, rawDisk, promised, footerLength);
    }
  } else if (rawDisk !== undefined) {
    return rawDiskFindings(path, file.size, rawDisk, symbol);
  }
  return unknownFindings(file, path, format, symbol);
}

const AGAIN = "Copy or download it again.";

function unknownFindings(
  file: ImageFile,
  path: string,
  format: Format | undefined,
  symbol: ErrorSymbol,
): Finding[] {
  const beginning = new Uint8Array(Math.min(BEGINNING, file.size));
  file.readAt(beginning, 0);
  const isBlank = isAllZero(beginning);
  const isLikeDisk = file.size >= SMALLEST_DISK;
  const smallest = format?.minimumLength;
  if (smallest !== undefined && file.size < smallest) {
    const missingBytes = smallest - file.size;
    return [
      finding(
        "error",
        "cut-off",
        path,
        `cut off: at least ${bytesText(missingBytes)} are missing: the file has ${
          groupedDigits(file.size)
        } of at ` +
          `least ${groupedDigits(smallest)}`,
        { symbol, remedy: AGAIN, missingBytes },
      ),
    ];
  }
  return [
    finding(
      "error",
      "format",
      path,
      isBlank
        ? `the file begins with ${bytesText(beginning.length)} of zeros: it was not written or ` +
          "downloaded completely, or is a raw disk without partitions"
        : "the file has no signature of a VHD, VHDX or ISO image",
      {
        symbol,
        remedy: `${AGAIN} If it is a raw disk, or you know its format, say so: pass the \`type\` ` +
          "option.",
        command: isLikeDisk && format === undefined ? convertRaw(path) : lookCommand(path),
      },
    ),
  ];
}

/** Shows how a file begins: what neither this program nor a name says, a person may recognize. */
function lookCommand(path: string): string {
  return IS_WINDOWS
    ? `Format-Hex ${shellFile(path)} | Select-Object -First 8`
    : `od -A d -c -N 64 ${shellFile(path)}`;
}

function describe(image: DiskImage, path: string): Finding {
  const { format, subtype, virtualSize, source, volume } = image;
  const kind = subtype === "unknown" ? "" : `, ${subtype}`;
  const text = volume !== undefined
    ? `ISO image${volumeText(volume)}: a file of ${bytesText(source.size)}`
    : `${format.toUpperCase()} image${kind}: a disk of ${bytesText(virtualSize)} in a file of ${
      groupedDigits(source.size)
    }`;
  return finding("info", "format", path, text, { command: virtdiskCommand("info", [], [path]) });
}

/** Its label, file systems and length. */
function volumeText({ label, fileSystems, volumeSize }: IsoVolume): string {
  const name = label === undefined ? "" : ` ${JSON.stringify(label)}`;
  const systems = fileSystems.length === 0 ? "" : ` (${fileSystems.join(", ")})`;
  const size = volumeSize === undefined ? "" : `, a volume of ${bytesText(volumeSize)}`;
  return `${name}${systems}${size}`;
}

function sizeFindings(image: DiskImage, path: string): Finding[] {
  const { format, subtype, virtualSize } = image;
  if (!formatNamed(format).storesSize) return [];
  const tooSmall = virtualSize < SMALLEST_DISK
    ? [
      finding("warning", "size", path, "Windows makes no disk smaller than 3 MiB", {
        symbol: "ERROR_VHD_INVALID_SIZE",
        remedy: "Make the disk larger.",
        ...(subtype === "differencing" ? {} : {
          command: `${virtdiskCommand("resize", [], [path])} 3MiB`,
        }),
      }),
    ]
    : [];
  return [...tooSmall, azureFinding(image, path)];
}

/** Azure takes fixed VHDs of whole MiB ("Prepare a Windows VHD or VHDX to upload to Azure"). */
function azureFinding({ format, subtype, virtualSize }: DiskImage, path: string): Finding {
  const broken = [
    ...(format === "vhd" ? [] : ["VHD"]),
    ...(subtype === "fixed" ? [] : ["fixed"]),
    ...(virtualSize % MIB === 0 ? [] : ["a whole number of MiB in size"]),
  ];
  return broken.length === 0
    ? finding("info", "azure", path, "Azure takes the image as it is")
    : finding(
      "info",
      "azure",
      path,
      `Azure does not take the image: it must be ${broken.join(", ")}`,
      {
        remedy: "Before an upload, convert it to a fixed VHD of whole MiB.",
      },
    );
}
