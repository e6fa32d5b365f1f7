/**
 * Writes new, empty VHDX images.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { viewOf } from "../byte_source.ts";
import type { ImageFile } from "../image_file.ts";
import type { ImageSpec } from "../image_spec.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  type BatGeometry,
  chunkRatio,
  PAYLOAD,
  payloadEntryIndex,
} from "./block_allocation_table.ts";
import { encodeFileIdentifier } from "./file_identifier.ts";
import { FILE_IDENTIFIER_OFFSET, HEADER_OFFSETS, MIB, REGION_TABLE_OFFSETS } from "./file_map.ts";
import { encodeHeader, type Header } from "./header.ts";
import { encodeMetadataRegion } from "./metadata_region.ts";
import { BAT_REGION, encodeRegionTable, METADATA_REGION } from "./region_table.ts";
import { writeUint64 } from "./uint64.ts";

/** The layout that Windows 10 gives a new file. */
const LOG_OFFSET = MIB;
const LOG_LENGTH = MIB;
const METADATA_OFFSET = 2 * MIB;
const METADATA_LENGTH = MIB;
const BAT_OFFSET = 3 * MIB;
/** Says who made the file, to people who look at it. */
const CREATOR = "virtdisk 0.1";
/** Block tables are written in pieces: that of the largest fixed disk has 513 MiB. */
const BAT_PIECE_ENTRIES = 65536;

/**
 * Writes a new image into a new, empty file. Until the file type identifier is there, last of all, the
 * file is no VHDX file: what a crash leaves behind cannot be taken for an image.
 *
 * A fixed disk has all its blocks; they read as zeros because nothing was ever written there, and take
 * no space where the file system can do so.
 *
 * @throws {ImageError} What the file system says; `ERROR_FILENAME_EXCED_RANGE` for a parent whose path
 * cannot be stored.
 */
export function createVhdx(file: ImageFile, spec: ImageSpec): void {
  const geometry: BatGeometry = { ...spec, hasParent: spec.subtype === "differencing" };
  const batLength = Math.ceil(batEntryCount(geometry) * BAT_ENTRY_LENGTH / MIB) * MIB;
  const firstBlockOffset = BAT_OFFSET + batLength;
  const blockCount = Math.ceil(spec.virtualSize / spec.blockSize);
  const metadata = encodeMetadataRegion(file.path, spec);
  const allocated = spec.subtype === "fixed" ? blockCount * spec.blockSize : 0;

  // What is not written reads as zeros: the log, the rest of each region, absent blocks (state 0).
  file.truncate(firstBlockOffset + allocated);
  if (spec.subtype === "fixed") writeFullTable(file, geometry, blockCount, firstBlockOffset);
  file.writeAt(metadata, METADATA_OFFSET);
  const regionTable = encodeRegionTable([
    { guid: BAT_REGION, offset: BAT_OFFSET, length: batLength, required: true },
    { guid: METADATA_REGION, offset: METADATA_OFFSET, length: METADATA_LENGTH, required: true },
  ]);
  for (const offset of REGION_TABLE_OFFSETS) file.writeAt(regionTable, offset);
  file.flush();
  writeHeaders(file);
  file.flush();
  file.writeAt(encodeFileIdentifier(CREATOR), FILE_IDENTIFIER_OFFSET);
  file.flush();
}

function writeHeaders(file: ImageFile): void {
  const header: Header = {
    sequenceNumber: 1n,
    fileWriteGuid: crypto.randomUUID(),
    dataWriteGuid: crypto.randomUUID(),
    logGuid: NIL_GUID,
    logVersion: 0,
    version: 1,
    logLength: LOG_LENGTH,
    logOffset: LOG_OFFSET,
  };
  const [first, second] = HEADER_OFFSETS;
  file.writeAt(encodeHeader(header), first);
  file.writeAt(encodeHeader({ ...header, sequenceNumber: header.sequenceNumber + 1n }), second);
}

/** Every block allocated, one behind the other. */
function writeFullTable(
  file: ImageFile,
  geometry: BatGeometry,
  blockCount: number,
  firstBlockOffset: number,
): void {
  const ratio = chunkRatio(geometry);
  for (let start = 0; start < blockCount; start += BAT_PIECE_ENTRIES) {
    const end = Math.min(blockCount, start + BAT_PIECE_ENTRIES);
    const firstEntry = payloadEntryIndex(start, ratio);
    const piece = new Uint8Array(
      (payloadEntryIndex(end - 1, ratio) + 1 - firstEntry) * BAT_ENTRY_LENGTH,
    );
    const view = viewOf(piece);
    for (let block = start; block < end; block++) {
      // An offset is a multiple of 1 MiB, so the state fits into its low bits.
      writeUint64(
        view,
        (payloadEntryIndex(block, ratio) - firstEntry) * BAT_ENTRY_LENGTH,
        firstBlockOffset + block * geometry.blockSize + PAYLOAD.FULLY_PRESENT,
      );
    }
    file.writeAt(piece, BAT_OFFSET + firstEntry * BAT_ENTRY_LENGTH);
  }
}
