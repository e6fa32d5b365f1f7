/**
 * What the sparse header leads to: the block allocation table and the parent's paths.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import type { ParentLink } from "../image/image.ts";
import { BlockAllocationTable, TABLE_ENTRY_SIZE } from "./block_table.ts";
import { blockCount, blockFootprint } from "./layout.ts";
import { DISK_TYPE, type Footer } from "./footer.ts";
import { locatorRegions, readParentLink } from "./parent_link.ts";
import type { Region } from "./regions.ts";
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
  const { tableOffset, maxTableEntries, blockSize } = header;
  const head: Region[] = [...headRegions(headerOffset), {
    name: "block allocation table",
    offset: tableOffset,
    length: maxTableEntries * TABLE_ENTRY_SIZE,
  }];
  const placed = { header, offset: headerOffset };
  const differencing = footer.diskType === DISK_TYPE.differencing;
  const paths = differencing ? locatorRegions(source, placed, head) : [];
  const parent = differencing ? readParentLink(source, placed) : undefined;
  const metadata = [...head, ...paths];
  const footprint = blockFootprint(blockSize);
  const table = new BlockAllocationTable(
    source,
    tableOffset,
    footprint,
    [...metadata, ...trailing],
    blockCount(footer.currentSize, blockSize),
  );
  return { header, blockSize, parent, table, metadata };
}
