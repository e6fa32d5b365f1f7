/**
 * A damaged VHD, read as far as it is certain what it holds. As in a VHDX, readers of structures are not told where
 * the file ends.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { LossReason } from "../../disk/damage.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { damaged, ImageError } from "../file/image_error.ts";
import { OpenEndedSource, readable } from "../file/promised_end.ts";
import { assertAssumed, missingFacts } from "../image/assumed.ts";
import { foreignFormat } from "../image/foreign_format.ts";
import type { DiskImage, ImageExtent, ParentLink } from "../image/image.ts";
import { type Damages, rangeHoldsData, TolerantImage } from "../image/tolerant_image.ts";
import { TABLE_ENTRY_SIZE, unsharedPlace } from "./block_table.ts";
import { FixedVhdImage } from "./fixed_image.ts";
import { DISK_TYPE, type DiskIdentity, type Footer } from "./footer.ts";
import {
  checkFooter,
  damagedFooters,
  findFooter,
  type FoundFooter,
  isHeaderOffset,
  MAX_VIRTUAL_SIZE,
} from "./footer_search.ts";
import { bitmapSize, blockCount, blockFootprint, roundUp, SECTOR_SIZE } from "./layout.ts";
import { locatorRegions, readParentLink } from "./parent_link.ts";
import { type Region, trailingFooter } from "./regions.ts";
import { salvageSparseHeader, soundHeaderAt } from "./salvage_header.ts";
import { SectorBitmaps } from "./sector_bitmaps.ts";
import { type DiskBlocks, SparseVhdImage } from "./sparse_image.ts";
import { headOf, layoutOf } from "./vhd_file.ts";

/** Where everybody puts the sparse header. */
const USUAL_HEADER_OFFSET = 512;
/** A child whose file no longer says who its parent is. */
const UNKNOWN_PARENT: ParentLink = { identifiers: [], locators: [] };

/** What is known of the disk, without blocks. */
interface Identity extends Pick<Footer, "currentSize" | "diskType"> {
  readonly uniqueId: string | undefined;
  /** Where the sparse header is, unless the disk is fixed. */
  readonly headerOffset: number;
  /** The footer at the end, if it is there. */
  readonly trailing: readonly Region[];
}

/**
 * Opens what is left.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` if not even that can be told, or only with what nobody has said;
 * `ERROR_VHD_FORMAT_UNSUPPORTED_VERSION`.
 */
export function openDamagedVhd(file: ByteSource, damages: Damages): TolerantImage {
  assertAssumed(file.path, damages.assumed, {
    size: (size) => size > 0 && size % SECTOR_SIZE === 0 && size <= MAX_VIRTUAL_SIZE,
    blockSize: (size) => size >= 4096 && size <= 256 * 2 ** 20 && Number.isInteger(Math.log2(size)),
    sectorSize: (size) => size === SECTOR_SIZE,
  });
  const known = identityOf(file, damages);
  const { assumed: { size } } = damages;
  const identity = size === undefined ? known : { ...known, currentSize: size };
  const image = identity.diskType === DISK_TYPE.fixed
    ? new FixedVhdImage(new OpenEndedSource(file), { ...identity, uniqueId: NIL_GUID })
    : openSparse(file, identity, damages);
  const { currentSize: virtualSize, uniqueId } = identity;
  const end = identity.trailing[0]?.offset ?? file.size;
  return new TolerantImage({
    image,
    source: file,
    virtualSize,
    identifier: uniqueId,
    virtualDiskId: uniqueId,
    hasMetadata: false,
    lossOf: (error) => reasonOf(error, image.blockSize),
    present: (offset, length) => Math.max(0, Math.min(length, end - offset)),
  });
}

function openSparse(file: ByteSource, identity: Identity, damages: Damages): DiskImage {
  const source = new OpenEndedSource(file);
  const { headerOffset, currentSize, diskType, trailing } = identity;
  const found = salvageSparseHeader(file, identity, damages);
  const placed = { header: found, offset: headerOffset };
  const head = headOf(placed);
  const isChild = diskType === DISK_TYPE.differencing;
  const paths = isChild
    ? damages.attempt(
      () => ({
        regions: locatorRegions(source, placed, head),
        link: readParentLink(source, placed),
      }),
      "Which disk is the parent is not known.",
    )
    : undefined;
  const parent = isChild ? paths?.link ?? UNKNOWN_PARENT : undefined;
  const metadata = [...head, ...paths?.regions ?? []];
  const { tableOffset, maxTableEntries, blockSize } = found;
  const inFile = Math.max(0, Math.floor((file.size - tableOffset) / TABLE_ENTRY_SIZE));
  const covered = Math.min(currentSize, Math.min(maxTableEntries, inFile) * blockSize);
  const layout = layoutOf(source, { header: found, parent, metadata, trailing }, {
    currentSize: covered,
  });
  const disk = { currentSize: covered, uniqueId: identity.uniqueId ?? NIL_GUID };
  return new CautiousImage(source, disk, { ...layout, bitmaps: new SectorBitmaps(source) });
}

const NO_BIT = "a bit for a sector, as the block holds data";

/**
 * A bitmap that was overwritten with zeros looks like one of a block to which nothing was ever written. Data behind
 * no bit at all are more likely at a place to which a damaged entry leads, in a dynamic image too.
 */
class CautiousImage extends SparseVhdImage {
  readonly #blocks: DiskBlocks;
  #lastBlock: { readonly block: number; readonly isEmptied: boolean } | undefined;

  constructor(source: ByteSource, disk: DiskIdentity, blocks: DiskBlocks) {
    super(source, disk, blocks);
    this.#blocks = blocks;
  }

  override extent(offset: number, end: number): ImageExtent {
    const block = Math.floor(offset / this.blockSize);
    const place = this.#blocks.table.offsetToRead(block);
    if (place === undefined || !this.#isEmptied(block, place)) return super.extent(offset, end);
    const found = "no bit in the bitmap";
    throw damaged(this.source, "ERROR_FILE_CORRUPT", "sector bitmap", place, found, NO_BIT);
  }

  #isEmptied(block: number, place: number): boolean {
    if (this.#lastBlock?.block !== block) {
      const { blockSize } = this;
      const sectors = Math.min(blockSize, this.virtualSize - block * blockSize) / SECTOR_SIZE;
      const run = this.#blocks.bitmaps.run(place, 0, sectors);
      const data = place + bitmapSize(blockSize);
      const isEmptied = !run.value && run.length === sectors &&
        rangeHoldsData(this.source, data, data + sectors * SECTOR_SIZE);
      this.#lastBlock = { block, isEmptied };
    }
    return this.#lastBlock.isEmptied;
  }
}

function reasonOf({ options: { detail } }: ImageError, blockSize: number): LossReason {
  if (detail?.expected === unsharedPlace(blockFootprint(blockSize))) return "overlap";
  if (detail?.expected === NO_BIT) return "bitmap";
  // The bitmap of a block comes before its data: without it, those are missing too.
  return detail?.structure === "sector bitmap" ? "cut-off" : "table";
}

function identityOf(file: ByteSource, damages: Damages): Identity {
  const found = readable(() => findFooter(file));
  if (found === undefined) return withoutFooter(file, damages);
  const { footer, structure } = found;
  // A fixed disk may be cut off before its end; where a sparse header is to be, there must be one.
  const source = footer.diskType === DISK_TYPE.fixed ? new OpenEndedSource(file) : file;
  damages.attempt(
    () => checkFooter(source, found),
    "What can be read by it is read.",
    true,
  );
  if (structure === "footer copy") {
    damages.add({
      path: file.path,
      structure: "footer",
      offset: Math.max(0, file.size - SECTOR_SIZE),
      found: "no footer",
      expected: "a footer at the end of the file",
      consequence: "Its copy at the beginning is used.",
    });
  }
  return identityBy(file, found, footer.uniqueId);
}

function identityBy(file: ByteSource, found: FoundFooter, uniqueId: string | undefined): Identity {
  const { footer: { currentSize, diskType, dataOffset } } = found;
  const isFixed = diskType === DISK_TYPE.fixed;
  if (!isFixed && diskType !== DISK_TYPE.dynamic && diskType !== DISK_TYPE.differencing) {
    throw missingFacts(file.path, {
      size: currentSize,
      blockSize: undefined,
      sectorSize: SECTOR_SIZE,
    });
  }
  return {
    currentSize,
    diskType,
    uniqueId,
    headerOffset: isHeaderOffset(dataOffset, file.size) ? dataOffset : USUAL_HEADER_OFFSET,
    trailing: trailingFooter(found),
  };
}

/** Footers are damaged, or cut off. */
function withoutFooter(file: ByteSource, damages: Damages): Identity {
  const source = new OpenEndedSource(file);
  const none = (found: string, consequence: string, isUncertain: boolean) =>
    damages.add({
      path: file.path,
      structure: "footer",
      offset: Math.max(0, file.size - SECTOR_SIZE),
      found,
      expected: "a footer at the end of the file",
      consequence,
      isUncertain,
    });
  for (const found of damagedFooters(file)) {
    if (!isConfirmed(file, source, found)) continue;
    none(
      "a footer with a wrong checksum",
      "What it says fits the rest of the file, and is believed.",
      false,
    );
    return identityBy(file, found, undefined);
  }
  const { assumed: { size } } = damages;
  const header = soundHeaderAt(source, USUAL_HEADER_OFFSET);
  if (header !== undefined) {
    none(
      "no footer",
      size === undefined
        ? "The disk is taken for as large as its block allocation table has room for: it may be smaller."
        : "The sparse header says what the file is.",
      size === undefined,
    );
    return {
      currentSize: Math.min(MAX_VIRTUAL_SIZE, header.maxTableEntries * header.blockSize),
      diskType: header.parentUniqueId === NIL_GUID ? DISK_TYPE.dynamic : DISK_TYPE.differencing,
      uniqueId: undefined,
      headerOffset: USUAL_HEADER_OFFSET,
      trailing: [],
    };
  }
  const looksLikeDisk = hasBootRecord(file) || foreignFormat(file)?.kind === "raw";
  if (mayBeSparse(file) || !looksLikeDisk && size === undefined) throw unknownKind(file, size);
  none(
    "no footer",
    `${looksLikeDisk ? "The file begins as a disk does, and" : "It"} is taken for a fixed one${
      size === undefined ? " that ends with the file: it may be longer" : ""
    }.`,
    size === undefined || !looksLikeDisk,
  );
  return {
    currentSize: roundUp(file.size, SECTOR_SIZE),
    diskType: DISK_TYPE.fixed,
    uniqueId: undefined,
    headerOffset: USUAL_HEADER_OFFSET,
    trailing: [],
  };
}

function unknownKind({ path }: ByteSource, size: number | undefined): ImageError {
  return new ImageError("ERROR_FILE_CORRUPT", {
    path,
    reason: "neither a footer nor a sparse header is left: nobody knows what kind of VHD it is",
    causes: [
      ...(size === undefined
        ? [
          "If it is a fixed disk and you know its size, say that: " +
          '{ damage: "tolerate", assume: { size: ... } }.',
        ]
        : []),
      "The file of a fixed disk is a raw disk with a footer behind it.",
    ],
  });
}

/** Whether what a footer says agrees with what has nothing to do with it. */
function isConfirmed(file: ByteSource, source: ByteSource, found: FoundFooter): boolean {
  if (!keepsRules(source, found)) return false;
  const { footer: { diskType, currentSize, dataOffset }, offset, structure } = found;
  if (diskType === DISK_TYPE.fixed) {
    return structure === "footer" && currentSize === offset && !mayBeSparse(file);
  }
  const header = dataOffset === undefined ? undefined : soundHeaderAt(source, dataOffset);
  return header !== undefined &&
    blockCount(currentSize, header.blockSize) === header.maxTableEntries;
}

/** Whether its fields are such that a footer may have. */
function keepsRules(source: ByteSource, found: FoundFooter): boolean {
  return readable(() => {
    checkFooter(source, found);
    return true;
  }) === true;
}

/** Whether it begins as a dynamic disk does. */
function mayBeSparse(file: ByteSource): boolean {
  const head = new TextDecoder("latin1").decode(bytesAt(file, 0, 2 * SECTOR_SIZE));
  return head.startsWith("conectix") || head.includes("cxsparse");
}

/** The mark at the end of the first sector of a disk with partitions, or of most that have one file system. */
function hasBootRecord(file: ByteSource): boolean {
  const [low, high] = bytesAt(file, SECTOR_SIZE - 2, 2);
  return low === 0x55 && high === 0xaa;
}

function bytesAt(file: ByteSource, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  file.readAt(bytes, offset);
  return bytes;
}
