/**
 * Tells a differencing VHDX which data write GUIDs its parent may have ([MS-VHDX] 2.6.2.6). The disk stays
 * what it is, and so does its own data write GUID.
 *
 * @module
 */
import { readStructure, type WritableSource } from "../byte_source.ts";
import { scanBlocks } from "./block_scan.ts";
import { FileSpace } from "./file_space.ts";
import { HeaderWriter } from "./header_writer.ts";
import { LogWriter } from "./log_writer.ts";
import { LoggedPages } from "./logged_pages.ts";
import { PARENT_LOCATOR } from "./metadata_items.ts";
import { readMetadataTable } from "./metadata_table.ts";
import { MetadataWriter } from "./metadata_writer.ts";
import { withLinkage } from "./parent_locator.ts";
import { readStructures, tablesOf } from "./vhdx_structures.ts";

/**
 * Changes the linkage, durably.
 *
 * @param file As a clean close left it; it is left so again.
 * @param linkage What the parent has.
 * @param second What it may have; the nil GUID for nothing else.
 * @throws {ImageError} As any change of the file.
 */
export function relinkVhdx(file: WritableSource, linkage: string, second: string): void {
  const structures = readStructures(file);
  const { regions: { metadata: region } } = structures;
  const headers = new HeaderWriter(file, structures.header);
  const space = new FileSpace(file);
  const log = new LogWriter(file, headers, space);
  const pages = new LoggedPages(file, log, space);
  scanBlocks(pages, structures, tablesOf(structures, pages), space);
  const items = new MetadataWriter({
    file,
    pages,
    space,
    region,
    beforeChange: () => headers.announceWrite(),
    onMove: () => {},
  });
  // readStructures: a differencing image has the item.
  const item = readMetadataTable(file, region).find(({ id, isUser }) =>
    !isUser && id === PARENT_LOCATOR
  )!;
  const offset = region.offset + item.offset;
  const bytes = readStructure(file, offset, item.length, "parent locator", "ERROR_FILE_CORRUPT");
  items.replaceSystemItem(
    PARENT_LOCATOR,
    withLinkage(file, bytes, linkage, second),
    () => headers.announceWrite(),
  );
  file.flush();
  log.close();
}
