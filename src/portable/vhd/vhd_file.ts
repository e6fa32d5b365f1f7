/**
 * A VHD file that is open to be changed: its footers, and of a dynamic or differencing image what the sparse
 * header leads to, the blocks and the room for more of them. The image writes through it, and so does everything
 * else that changes a file.
 *
 * @module
 */
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import type { ParentLink } from "../image/image.ts";
import {
  BlockAllocationTable,
  PendingTable,
  scanBlocks,
  TABLE_ENTRY_SIZE,
  usedEntries,
} from "./block_table.ts";
import { blockCount, blockFootprint, SECTOR_SIZE } from "./layout.ts";
import { DISK_TYPE, type Footer, FOOTER_SIZE } from "./footer.ts";
import { checkFooter, findFooter, type FoundFooter } from "./footer_search.ts";
import { type ImageFooters, repairedFixedFooter, repairedFooters } from "./footers.ts";
import {
  locatorRegions,
  occupiedRegions,
  type PlacedHeader,
  readParentLink,
} from "./parent_link.ts";
import { overlapping, type Region, trailingFooter } from "./regions.ts";
import { PendingBitmaps } from "./sector_bitmaps.ts";
import { BlockAllocator, freeGaps, type Gap } from "./space.ts";
import { headRegions, readSparseHeader, type SparseHeader } from "./sparse_header.ts";

/** A dynamic or differencing image, but for its blocks. */
export interface SparseLayout {
  readonly header: SparseHeader;
  /** Bytes of data in a block. */
  readonly blockSize: number;
  /** Of a differencing image. */
  readonly parent: ParentLink | undefined;
  readonly table: BlockAllocationTable;
  /** Where no block may be: footer copy, header, table, the parent's paths. */
  readonly metadata: readonly Region[];
}

/**
 * Reads and checks the header and what it leads to, the entries of the table excepted.
 *
 * @param headerOffset Checked to be in the file.
 * @param trailing What lies behind the blocks: the footer, if it is there.
 * @throws {ImageError} `ERROR_VHD_SPARSE_HEADER_*` or `ERROR_VHD_INVALID_BLOCK_SIZE`.
 */
export function readSparseLayout(
  source: ByteSource,
  footer: Footer,
  headerOffset: number,
  trailing: readonly Region[] = [],
): SparseLayout {
  const header = readSparseHeader(source, headerOffset, footer.currentSize);
  const head = headOf({ header, offset: headerOffset });
  const placed = { header, offset: headerOffset };
  const differencing = footer.diskType === DISK_TYPE.differencing;
  const paths = differencing ? locatorRegions(source, placed, head) : [];
  const parent = differencing ? readParentLink(source, placed) : undefined;
  return layoutOf(source, { header, parent, metadata: [...head, ...paths], trailing }, footer);
}

/** Where footer copy, header and table are. */
export function headOf({ header, offset }: PlacedHeader): Region[] {
  return [...headRegions(offset), {
    name: "block allocation table",
    offset: header.tableOffset,
    length: header.maxTableEntries * TABLE_ENTRY_SIZE,
  }];
}

/** Puts together what has been read. */
export function layoutOf(
  source: ByteSource,
  { header, parent, metadata, trailing }: Pick<SparseLayout, "parent" | "metadata"> & {
    readonly header: SparseHeader;
    readonly trailing: readonly Region[];
  },
  { currentSize }: Pick<Footer, "currentSize">,
): SparseLayout {
  const { tableOffset, blockSize } = header;
  const table = new BlockAllocationTable(
    source,
    tableOffset,
    blockFootprint(blockSize),
    [...metadata, ...trailing],
    blockCount(currentSize, blockSize),
  );
  return { header, blockSize, parent, table, metadata };
}

/** An open file. Its footers are good, and equal. */
export class VhdFile {
  readonly source: WritableSource;
  readonly footers: ImageFooters;

  constructor(source: WritableSource, footers: ImageFooters) {
    this.source = source;
    this.footers = footers;
  }

  /**
   * Opens a file. What a crash of another writer left of the footers is repaired. Reads a whole block allocation
   * table; nothing is written before all of it is found to be sound.
   *
   * @throws {ImageError} As `openVhd()`; and `ERROR_VHD_BLOCK_ALLOCATION_TABLE_CORRUPT` if blocks overlap
   * each other or the footer.
   */
  static open(source: WritableSource): VhdFile | SparseVhdFile {
    const found = findFooter(source);
    checkFooter(source, found);
    const { diskType, dataOffset } = found.footer;
    // checkFooter: every image but a fixed one has a data offset.
    return diskType === DISK_TYPE.fixed || dataOffset === undefined
      ? new VhdFile(source, repairedFixedFooter(source, found))
      : SparseVhdFile.openSparse(source, found, dataOffset);
  }

  /** What the footers say. */
  get footer(): Footer {
    return this.footers.footer;
  }

  /** Makes everything written before durable. */
  publish(): void {
    this.source.flush();
  }

  /** Leaves the file as a clean close does. It may be changed further. */
  close(): void {
    this.publish();
  }
}

/**
 * The file of a dynamic or differencing image. The format has no journal, but an order: data first, then what
 * makes them reachable (bits and table entries), then what makes their former place free, a flush between one
 * and the next.
 */
export class SparseVhdFile extends VhdFile {
  /** With the entries that wait for {@linkcode SparseVhdFile.publish}. */
  readonly table: PendingTable;
  /** With the bits that wait. */
  readonly bitmaps: PendingBitmaps;
  /** Places blocks. */
  readonly allocator: BlockAllocator;
  /** What was free between the blocks when the file was opened, in the order of the file. */
  readonly gaps: readonly Gap[];
  #layout: SparseLayout;

  private constructor(
    source: WritableSource,
    footers: ImageFooters,
    layout: SparseLayout,
    gaps: readonly Gap[],
  ) {
    super(source, footers);
    this.#layout = layout;
    this.gaps = gaps;
    this.table = new PendingTable(source, layout.table);
    this.bitmaps = new PendingBitmaps(source);
    this.allocator = new BlockAllocator(source, footers, layout.blockSize, gaps);
  }

  static openSparse(
    source: WritableSource,
    found: FoundFooter,
    headerOffset: number,
  ): SparseVhdFile {
    const { footer } = found;
    const layout = readSparseLayout(source, footer, headerOffset);
    const { blockSize, table, metadata } = layout;
    const footprint = blockFootprint(blockSize);
    const trailing = trailingFooter(found);
    assertClearOf(source, trailing, metadata);
    const blocks = scanBlocks(source, {
      table: new BlockAllocationTable(source, table.offset, footprint, [...metadata, ...trailing]),
      blockCount: blockCount(footer.currentSize, blockSize),
      footprint,
    });
    const lastBlock = blocks.at(-1);
    const endOfBlocks = lastBlock === undefined ? 0 : lastBlock * SECTOR_SIZE + footprint;
    const endOfMetadata = Math.max(...metadata.map(({ offset, length }) => offset + length));
    const footers = repairedFooters(source, found, Math.max(endOfBlocks, endOfMetadata));
    const occupied = occupiedRegions(layout);
    const gaps = freeGaps({ blocks, footprint, metadata: occupied, end: footers.offset });
    // The table that was read may be newer than what is durable, and that may still refer to a gap.
    if (gaps.length > 0) source.flush();
    return new SparseVhdFile(source, footers, layout, gaps);
  }

  /** What the header leads to; its table is the one in the file. */
  get layout(): SparseLayout {
    return this.#layout;
  }

  /** How many blocks the disk has. */
  get blockCount(): number {
    return blockCount(this.footers.currentSize, this.#layout.blockSize);
  }

  /** The blocks in the file, in the order of the disk, and where each begins; what waits is not looked at. */
  *placedBlocks(): Generator<[index: number, offset: number]> {
    const { table } = this.#layout;
    for (const [index, entry] of usedEntries(this.source, { table, blockCount: this.blockCount })) {
      yield [index, table.checkedOffset(index, entry)];
    }
  }

  /** Whether a block lies in a part of the file. */
  holdsBlock({ offset, length }: Omit<Region, "name">): boolean {
    const footprint = blockFootprint(this.#layout.blockSize);
    for (let block = 0; block < this.blockCount; block++) {
      const start = this.table.blockOffset(block);
      if (start !== undefined && start < offset + length && offset < start + footprint) return true;
    }
    return false;
  }

  /** Makes all changes durable: data before the bits and entries that lead to them. */
  override publish(): void {
    this.source.flush();
    if (this.table.changeCount === 0 && this.bitmaps.changeCount === 0) return;
    this.bitmaps.write();
    this.table.write();
    this.source.flush();
    this.bitmaps.settle();
    this.table.settle();
    this.allocator.settle();
  }

  override close(): void {
    this.publish();
    this.allocator.finish();
  }

  /** Puts the footer lower, and gives back what follows it: nothing refers to that. */
  shortenTo(end: number): void {
    if (end >= this.footers.offset) return;
    this.footers.place(end);
    this.source.truncate(end + FOOTER_SIZE);
    this.source.flush();
  }

  /** Reads the header and what it leads to again, after they have been written. */
  readHeader(): void {
    // Only a fixed image has no header.
    this.#layout = readSparseLayout(this.source, this.footer, this.footer.dataOffset!);
  }
}

/** The table is written, and the footer's place used when the file grows. */
function assertClearOf(
  source: WritableSource,
  [footer]: readonly Region[],
  metadata: readonly Region[],
): void {
  if (footer === undefined) return;
  const other = overlapping(metadata, footer.offset, footer.length);
  if (other === undefined) return;
  throw damaged(
    source,
    "ERROR_VHD_SPARSE_HEADER_CORRUPT",
    other.name,
    other.offset,
    `${other.length} bytes`,
    `an end before the footer at ${footer.offset}`,
  );
}
