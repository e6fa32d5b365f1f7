import { VIRTUAL_STORAGE_TYPE_DEVICE } from "../../constants.ts";
import { SALVAGE_REMEDIES } from "../image/findings.ts";
import type { Format } from "../image/format.ts";
import { FOOTER_SIZE } from "./footer.ts";
import { hasPlainFooterCookie, MAX_VIRTUAL_SIZE } from "./footer_search.ts";
import { SECTOR_SIZE } from "./layout.ts";
import { isVhd, openMarkedVhd, openVhd, openWritableVhd, vhdOrigin } from "./open.ts";
import { promisedVhdEnd } from "./promised_end.ts";
import { assertResizableVhd, resizeVhd } from "./resize.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const EXTENSIONS = [".vhd", ".avhd"];

/** VHD images: fixed, dynamic and differencing. */
export const VHD: Format = {
  name: "vhd",
  title: "a VHD image",
  deviceId: VIRTUAL_STORAGE_TYPE_DEVICE.VHD,
  // `.avhd` is a differencing image of the same format.
  extensions: EXTENSIONS,
  unmarked: "ERROR_VHD_FORMAT_UNKNOWN",
  cutOff: "ERROR_VHD_INVALID_FILE_SIZE",
  matches: isVhd,
  matchesPlainly: hasPlainFooterCookie,
  open: openVhd,
  openMarked: openMarkedVhd,
  damagedOpener: async () => (await import("./salvage.ts")).openDamagedVhd,
  openForWriting: openWritableVhd,
  origin: vhdOrigin,
  newImages: {
    extensions: EXTENSIONS,
    subtypes: ["dynamic", "fixed", "differencing"],
    maximumSize: MAX_VIRTUAL_SIZE,
    sectorSizes: [SECTOR_SIZE],
    physicalSectorSizes: [SECTOR_SIZE],
    defaultPhysicalSectorSize: SECTOR_SIZE,
    // What Windows makes; what it reads is more.
    blockSizes: [512 * KIB, 2 * MIB],
    // A fixed parent has no blocks.
    defaultBlockSize: (parent) => parent?.blockSize || 2 * MIB,
    fixedBlockSize: () => 0,
    // The unique id, by which children know their parent.
    identifier: "own",
    isDataFirst: (subtype) => subtype === "fixed",
    layout: async (spec) => (await import("./create.ts")).vhdLayout(spec),
  },
  resizing: {
    maximumSize: MAX_VIRTUAL_SIZE,
    canShrink: false,
    assertPossible: assertResizableVhd,
    run: (file, { virtualSize }) => resizeVhd(file, virtualSize),
  },
  compact: async (file, job) => await (await import("./compact.ts")).compactVhd(file, job),
  differencing: { isSameSize: true, keepsIdentifier: true },
  merge: async (merging) => await (await import("./merge.ts")).mergeVhd(merging),
  checks: async () => (await import("./check.ts")).VHD_CHECKS,
  promisedEnd: promisedVhdEnd,
  storesSize: true,
  remedies: SALVAGE_REMEDIES,
  trailerLength: FOOTER_SIZE,
};
