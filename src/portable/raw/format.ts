import type { Format } from "../image/format.ts";
import { openRaw, openWritableRaw, rawLayout } from "./raw_image.ts";

const MAXIMUM_SIZE = Number.MAX_SAFE_INTEGER;

/** Raw disk images: nothing in a file tells that it is one, only the caller's word. */
export const RAW: Format = {
  name: "raw",
  title: "a raw disk",
  // Of new files alone: one that exists is never taken for a raw disk by its name.
  extensions: [],
  unmarked: "ERROR_FILE_CORRUPT",
  cutOff: "ERROR_FILE_CORRUPT",
  matches: () => false,
  open: openRaw,
  openForWriting: openWritableRaw,
  origin: () => ({}),
  // A raw image has nothing but its bytes: what cannot be stored cannot be chosen.
  newImages: {
    extensions: [".raw", ".img"],
    subtypes: ["fixed"],
    maximumSize: MAXIMUM_SIZE,
    sectorSizes: [],
    physicalSectorSizes: [],
    defaultPhysicalSectorSize: 512,
    blockSizes: [],
    defaultBlockSize: () => 0,
    fixedBlockSize: () => 0,
    identifier: "none",
    isDataFirst: () => true,
    layout: rawLayout,
  },
  resizing: {
    maximumSize: MAXIMUM_SIZE,
    canShrink: true,
    run: (file, { virtualSize }) => {
      file.truncate(virtualSize);
      file.flush();
    },
  },
  check: (file, findings) => {
    findings.attempt(() => openRaw(file));
    return undefined;
  },
  storesSize: false,
};
