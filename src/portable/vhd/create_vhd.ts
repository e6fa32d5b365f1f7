/**
 * Writes new, empty VHD images, described as Windows 10 describes its own. The footer comes after all
 * that it leads to is durable: a crash leaves a whole image or none.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { ImageFile } from "../image_file.ts";
import { ImageError } from "../image_error.ts";
import type { ImageSpec, ParentSpec } from "../image_spec.ts";
import { DISK_TYPE, encodeFooter, FILE_FORMAT_VERSION, type Footer } from "./footer.ts";
import { geometryOf } from "./geometry.ts";
import { type NewImageLayout, newImageLayout } from "./new_image_layout.ts";
import { LOCATOR_COUNT, UNUSED_LOCATOR } from "./parent_locator.ts";
import { fileNameOf } from "./parent_path.ts";
import { encodeSparseHeader, PARENT_NAME_UNITS, SPARSE_HEADER_VERSION } from "./sparse_header.ts";

/** Bit 1 is reserved and always set. */
const FEATURES = 0x2;
/** `win `: other creators make some readers trust the geometry instead of the size. */
const CREATOR_APPLICATION = 0x77696e20;
/** Windows 10. */
const CREATOR_VERSION = 0x000a0000;
/** `Wi2k` */
const CREATOR_HOST_OS = 0x5769326b;
/** 2000-01-01T00:00:00Z, in milliseconds of Unix time. */
const VHD_EPOCH = Date.UTC(2000, 0, 1);
/** A table of gigabytes is written in pieces of this many bytes. */
const FILL_SIZE = 2 ** 20;
const UNALLOCATED_BYTE = 0xff;

/**
 * Writes a new image into a new, empty file. The file takes no more space than the metadata.
 *
 * @throws {ImageError} What the file system says, or `ERROR_INVALID_PARAMETER` for a differencing image
 * without a parent.
 */
export function createVhd(file: ImageFile, spec: ImageSpec): void {
  if (spec.subtype === "differencing" && spec.parent === undefined) {
    const reason = "a differencing image needs a parent";
    throw new ImageError("ERROR_INVALID_PARAMETER", { path: file.path, reason });
  }
  if (spec.subtype === "fixed") createFixed(file, spec);
  else createSparse(file, spec);
}

function createFixed(file: ImageFile, spec: ImageSpec): void {
  file.truncate(spec.virtualSize);
  file.flush();
  file.writeAt(encodeFooter(newFooter(spec, undefined)), spec.virtualSize);
  file.flush();
}

function createSparse(file: ImageFile, spec: ImageSpec): void {
  const layout = newImageLayout(spec);
  // The footer copy's place reads as zeros until the end, for some readers look at nothing else.
  file.truncate(layout.footerOffset);
  file.writeAt(newHeader(spec, layout), layout.headerOffset);
  fillTable(file, layout);
  for (const { entry, data } of layout.locators) file.writeAt(data, entry.dataOffset);
  file.flush();
  const footer = encodeFooter(newFooter(spec, layout.headerOffset));
  file.writeAt(footer, layout.footerOffset);
  file.flush();
  file.writeAt(footer, 0);
  file.flush();
}

function newFooter(spec: ImageSpec, dataOffset: number | undefined): Footer {
  return {
    features: FEATURES,
    fileFormatVersion: FILE_FORMAT_VERSION,
    dataOffset,
    timeStamp: Math.floor((Date.now() - VHD_EPOCH) / 1000) >>> 0,
    creatorApplication: CREATOR_APPLICATION,
    creatorVersion: CREATOR_VERSION,
    creatorHostOs: CREATOR_HOST_OS,
    originalSize: spec.virtualSize,
    currentSize: spec.virtualSize,
    geometry: geometryOf(spec.virtualSize),
    diskType: DISK_TYPE[spec.subtype],
    uniqueId: spec.identifier,
    savedState: false,
  };
}

function newHeader(spec: ImageSpec, layout: NewImageLayout): Uint8Array<ArrayBuffer> {
  const entries = layout.locators.map(({ entry }) => entry);
  const unused = new Array(LOCATOR_COUNT - entries.length).fill(UNUSED_LOCATOR);
  return encodeSparseHeader({
    tableOffset: layout.tableOffset,
    headerVersion: SPARSE_HEADER_VERSION,
    maxTableEntries: layout.maxTableEntries,
    blockSize: spec.blockSize,
    parentUniqueId: spec.parent?.identifier ?? NIL_GUID,
    parentTimeStamp: 0,
    parentUnicodeName: spec.parent === undefined ? "" : parentName(spec.parent),
    locators: [...entries, ...unused],
  });
}

/** The whole path, as Windows 10 writes it, where there is one and it fits; else the bare name. */
function parentName({ absolutePath, relativePath }: ParentSpec): string {
  const names = [absolutePath ?? "", fileNameOf(absolutePath ?? relativePath ?? "") ?? ""];
  return names.find((name) => name !== "" && name.length <= PARENT_NAME_UNITS) ?? "";
}

function fillTable(file: ImageFile, { tableOffset, tableSize }: NewImageLayout): void {
  const fill = new Uint8Array(Math.min(FILL_SIZE, tableSize)).fill(UNALLOCATED_BYTE);
  for (let done = 0; done < tableSize; done += fill.length) {
    file.writeAt(fill.subarray(0, tableSize - done), tableOffset + done);
  }
}
