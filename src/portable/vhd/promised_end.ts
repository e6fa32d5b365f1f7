/**
 * Where a VHD file ends by what is in it, if it does not end with its footer.
 *
 * @module
 */
import { type ByteSource, readStructure, viewOf } from "../file/byte_source.ts";
import { EndlessSource, LostBlocks, type PromisedEnd, readable } from "../file/promised_end.ts";
import { TABLE_ENTRY_SIZE, UNALLOCATED } from "./block_table.ts";
import { blockCount, blockFootprint, SECTOR_SIZE } from "./layout.ts";
import { DISK_TYPE, FOOTER, type Footer, FOOTER_SIZE, footerFault, parseFooter } from "./footer.ts";
import { checkFooter, findFooter, type FoundFooter } from "./footer_search.ts";
import { FOOTER_COPY_OFFSET } from "./footers.ts";
import { roomOfLocator, usedLocators } from "./parent_link.ts";
import { readSparseHeader } from "./sparse_header.ts";

const STRUCTURE = "block allocation table";
const READ_FAILURE = "ERROR_VHD_METADATA_READ_FAILURE";
/** `vpc `, and the version of the first Virtual PC of Microsoft. */
const VIRTUAL_PC = 0x76706320;
const VIRTUAL_PC_2004 = 0x00050000;
/** Twice the largest disk: no image needs a longer file. */
const MAX_FILE_SIZE = 2 ** 42;
const ENTRIES_PER_PIECE = 2 ** 16;
/** The shortest piece of a footer that is taken for one: the cookie, and what every footer says next. */
const SHORTEST_PIECE = FOOTER.at.dataOffset;

/**
 * Looks where the file should end. A dynamic or differencing image ends with its footer, right behind what
 * its copy, header and table lead to. All that a fixed image says of its length is in the footer: of one
 * that is cut off, only a piece of that can tell.
 *
 * @returns `undefined` if the file ends with a footer, or nothing in it tells.
 */
export function promisedVhdEnd(file: ByteSource): PromisedEnd | undefined {
  if (file.size < FOOTER_SIZE) return pieceEnd(file);
  const found = readable(() => findFooter(file));
  if (found?.structure === "footer") return shortEnd(file, found);
  const promised = sparseEnd(file) ?? pieceEnd(file);
  // Fields that no checksum protects from their own writer.
  return promised === undefined || promised.end > MAX_FILE_SIZE ? undefined : promised;
}

/** Only the oldest creators left out the last byte of a footer, which is 0; of others it was cut off. */
function shortEnd(
  { size }: ByteSource,
  { offset, footer: { creatorApplication, creatorVersion } }: FoundFooter,
): PromisedEnd | undefined {
  const isShort = size - offset === FOOTER_SIZE - 1;
  const isOld = creatorApplication === VIRTUAL_PC && creatorVersion < VIRTUAL_PC_2004;
  if (!isShort || isOld) return undefined;
  return { end: size + 1, isExact: true, isRepairable: true };
}

function sparseEnd(file: ByteSource): PromisedEnd | undefined {
  const copy = readStructure(file, FOOTER_COPY_OFFSET, FOOTER_SIZE, "footer copy", READ_FAILURE);
  if (footerFault(copy) !== undefined) return undefined;
  const footer = parseFooter(copy);
  const { diskType, dataOffset, currentSize } = footer;
  if (diskType === DISK_TYPE.fixed || dataOffset === undefined) return undefined;
  const source = new EndlessSource(file);
  const isGood = readable(() => (checkFooter(source, placed(footer, copy)), true));
  if (!isGood) return undefined;
  const header = readable(() => readSparseHeader(source, dataOffset, currentSize));
  // The footer and its copy, and the header that is damaged or cut off.
  if (header === undefined) return { end: dataOffset + 2 * FOOTER_SIZE, isExact: false };
  const footprint = blockFootprint(header.blockSize);
  const count = blockCount(currentSize, header.blockSize);
  const table = { offset: header.tableOffset, length: header.maxTableEntries * TABLE_ENTRY_SIZE };
  const rooms = diskType === DISK_TYPE.differencing
    ? usedLocators(header).map(({ entry }) => roomOfLocator(entry))
    : [];
  const ends = [table, ...rooms].map(({ offset, length }) => offset + length);
  const blocks = blocksEnd(source, table.offset, count, footprint);
  const end = Math.ceil(Math.max(...ends, blocks) / SECTOR_SIZE) * SECTOR_SIZE + FOOTER_SIZE;
  const isExact = source.has(table.offset, count * TABLE_ENTRY_SIZE);
  return { end, isExact, isRepairable: isExact && source.has(0, end - FOOTER_SIZE) };
}

function placed(footer: Footer, bytes: Uint8Array) {
  return { footer, structure: "footer copy", offset: FOOTER_COPY_OFFSET, bytes } as const;
}

/** Where the last block ends of which the file has the entry. */
function blocksEnd(
  source: EndlessSource,
  tableOffset: number,
  count: number,
  footprint: number,
): number {
  const inFile = Math.floor((source.realSize - tableOffset) / TABLE_ENTRY_SIZE);
  const entries = Math.max(0, Math.min(count, inFile));
  const blocks = new LostBlocks(source.realSize);
  for (let first = 0; first < entries; first += ENTRIES_PER_PIECE) {
    const length = Math.min(ENTRIES_PER_PIECE, entries - first) * TABLE_ENTRY_SIZE;
    const at = tableOffset + first * TABLE_ENTRY_SIZE;
    const piece = viewOf(readStructure(source, at, length, STRUCTURE, READ_FAILURE));
    for (let i = 0; i < length; i += TABLE_ENTRY_SIZE) {
      const entry = piece.getUint32(i, false);
      if (entry !== UNALLOCATED) blocks.add(entry * SECTOR_SIZE, footprint);
    }
  }
  return blocks.end;
}

/** The end of a footer of which the file has the first part: nothing but a footer begins so. */
function pieceEnd(file: ByteSource): PromisedEnd | undefined {
  const start = Math.floor(file.size / SECTOR_SIZE) * SECTOR_SIZE;
  const length = file.size - start;
  if (length < SHORTEST_PIECE) return undefined;
  const piece = readStructure(file, start, length, "footer", READ_FAILURE);
  if (!FOOTER.hasSignature(piece)) return undefined;
  // What begins a file may be the copy that a dynamic image begins with.
  return { end: start + FOOTER_SIZE, isExact: start > 0 };
}
