/**
 * What is the matter with an image by its contents: format, log, sizes.
 *
 * @module
 */
import { NIL_GUID } from "../bytes/guid.ts";
import { failureFinding, type Finding, finding } from "../finding.ts";
import { openImage } from "./detect.ts";
import type { DiskImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import { ImageFile } from "./image_file.ts";
import { FOOTER_SIZE } from "./vhd/footer.ts";
import { readCurrentHeader } from "./vhdx/header.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** CreateVirtualDisk makes no smaller disk. */
const SMALLEST_DISK = 3 * MIB;
/** The largest VHD (2040 GiB, "Virtual Hard Disk Image Format Specification" and Hyper-V). */
const LARGEST_VHD = 2040 * GIB;

/**
 * Looks into an image, without its parents.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-read` for it.
 */
export function diagnoseImage(path: string): { findings: Finding[]; isDifferencing: boolean } {
  try {
    using file = ImageFile.open(path, { sharing: "everyone" });
    const image = openImage(file);
    const findings = [
      describe(image, path),
      ...logFindings(image, file, path),
      ...sizeFindings(image, path),
    ];
    return { findings, isDifferencing: image.parent !== undefined };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const failure = error.toVirtualDiskError("OpenVirtualDisk");
    return {
      findings: [failureFinding("error", "format", path, failure)],
      isDifferencing: false,
    };
  }
}

function describe(image: DiskImage, path: string): Finding {
  const { format, subtype, virtualSize, source } = image;
  const kind = subtype === "unknown" ? "" : `, ${subtype}`;
  const text =
    `${format.toUpperCase()} image${kind}: a disk of ${virtualSize} bytes in a file of ${source.size}`;
  return finding("info", "format", path, text);
}

/** A log that was left behind is no damage, but must be replayed before the file can be changed. */
function logFindings(image: DiskImage, file: ImageFile, path: string): Finding[] {
  if (image.format !== "vhdx" || readCurrentHeader(file).logGuid === NIL_GUID) return [];
  return [
    finding("warning", "log", path, "the image was not closed properly: its log holds changes", {
      remedy:
        "Open it for writing once, which replays the log; the portable backend reads it as it is.",
    }),
  ];
}

function sizeFindings(image: DiskImage, path: string): Finding[] {
  const { format, subtype, virtualSize, source } = image;
  if (format !== "vhd" && format !== "vhdx") return [];
  const findings: Finding[] = [];
  const invalidSize = (message: string, remedy: string) =>
    findings.push(
      finding("warning", "size", path, message, { symbol: "ERROR_VHD_INVALID_SIZE", remedy }),
    );
  if (virtualSize < SMALLEST_DISK) {
    invalidSize("Windows makes no disk smaller than 3 MiB", "Convert it into a larger disk.");
  }
  if (format === "vhd" && virtualSize > LARGEST_VHD) {
    invalidSize("a VHD holds at most 2040 GiB", "Convert it to VHDX.");
  }
  if (format === "vhd" && subtype === "fixed" && source.size !== virtualSize + FOOTER_SIZE) {
    findings.push(
      finding(
        "warning",
        "size",
        path,
        `a fixed VHD of ${virtualSize} bytes takes a file of ${
          virtualSize + FOOTER_SIZE
        }, this one has ${source.size}`,
        {
          symbol: "ERROR_VHD_INVALID_FILE_SIZE",
          remedy: "Convert it anew; bytes may have been lost or added in a copy.",
        },
      ),
    );
  }
  return [...findings, azureFinding(image, path)];
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
