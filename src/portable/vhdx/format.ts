import { VIRTUAL_STORAGE_TYPE_DEVICE } from "../../constants.ts";
import { SALVAGE_REMEDIES } from "../image/findings.ts";
import type { Format } from "../image/format.ts";
import {
  hasFileIdentifier,
  HEADER_OFFSETS,
  MAX_VIRTUAL_SIZE,
  MIB,
  readCreator,
} from "./file_map.ts";
import { headerFault } from "./header.ts";
import { openMarkedVhdx, openVhdx } from "./image.ts";
import { LOG_REMEDIES } from "./log_replay.ts";
import { MAX_BLOCK_SIZE, MIN_BLOCK_SIZE, SECTOR_SIZES } from "./metadata_items.ts";
import { promisedVhdxEnd } from "./promised_end.ts";
import { resizeVhdx } from "./resize.ts";
import { openWritableVhdx } from "./writable_image.ts";

const EXTENSIONS = [".vhdx", ".avhdx"];
/** Fixed images of this size on have full-size blocks; the last may then exceed the disk. */
const FIXED_FULL_BLOCKS = 4 * 2 ** 30;
const LOG_REMEDY = LOG_REMEDIES.join(" ");

/** VHDX images: fixed, dynamic and differencing. */
export const VHDX: Format = {
  name: "vhdx",
  title: "a VHDX image",
  deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.VHDX,
  // `.avhdx` is a differencing image of the same format.
  extensions: EXTENSIONS,
  unmarked: "ERROR_VHD_FORMAT_UNKNOWN",
  cutOff: "ERROR_FILE_CORRUPT",
  matches: hasFileIdentifier,
  matchesWithoutMark: (file) =>
    file.size >= MIB && HEADER_OFFSETS.some((offset) => headerFault(file, offset) === undefined),
  open: openVhdx,
  openMarked: openMarkedVhdx,
  damagedOpener: async () => (await import("./salvage.ts")).openDamagedVhdx,
  openForWriting: openWritableVhdx,
  origin: (file) => {
    const creator = readCreator(file);
    return creator === "" ? {} : { creator };
  },
  newImages: {
    extensions: EXTENSIONS,
    subtypes: ["dynamic", "fixed", "differencing"],
    maximumSize: MAX_VIRTUAL_SIZE,
    sectorSizes: SECTOR_SIZES,
    physicalSectorSizes: SECTOR_SIZES,
    defaultPhysicalSectorSize: 4096,
    blockSizes: powersOfTwo(MIN_BLOCK_SIZE, MAX_BLOCK_SIZE),
    defaultBlockSize: (parent) => parent === undefined ? 32 * MIB : 2 * MIB,
    fixedBlockSize,
    // The virtual disk id (page 83) goes over to children.
    identifier: "inherited",
    isDataFirst: () => false,
    layout: async (spec, path) => (await import("./create.ts")).vhdxLayout(spec, path),
  },
  resizing: { maximumSize: MAX_VIRTUAL_SIZE, canShrink: true, run: resizeVhdx },
  compact: async (file, job) => await (await import("./compact.ts")).compactVhdx(file, job),
  differencing: { isSameSize: false, keepsIdentifier: false },
  merge: async (merging) => await (await import("./merge.ts")).mergeVhdx(merging),
  checks: async () => (await import("./check.ts")).VHDX_CHECKS,
  promisedEnd: (file) => hasFileIdentifier(file) ? promisedVhdxEnd(file) : undefined,
  storesSize: true,
  remedies: { ...SALVAGE_REMEDIES, "log": LOG_REMEDY, "log entry": LOG_REMEDY },
};

/** The largest block of which the disk is a whole number, so that a small disk wastes no space. */
function fixedBlockSize(size: number): number {
  let blockSize = 32 * MIB;
  while (size < FIXED_FULL_BLOCKS && blockSize > MIB && size % blockSize !== 0) blockSize /= 2;
  return blockSize;
}

function powersOfTwo(first: number, last: number): number[] {
  const sizes = [];
  for (let size = first; size <= last; size *= 2) sizes.push(size);
  return sizes;
}
