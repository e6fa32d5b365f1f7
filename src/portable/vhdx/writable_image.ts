/**
 * A VHDX image that can be written ([MS-VHDX]), so that a crash at any moment leaves a sound image.
 *
 * @module
 */
import { PAYLOAD } from "./block_table.ts";
import { normalizeGuid } from "../../bytes/guid.ts";
import type { ProviderSubtype } from "../../disk/information.ts";
import type { ByteSource, WritableSource } from "../file/byte_source.ts";
import type { ImageExtent, ParentLink, ParentSpec, WritableImage } from "../image/image.ts";
import { scanBlocks } from "./block_scan.ts";
import { BlockWriter } from "./block_writer.ts";
import {
  type BlockTables,
  readStructures,
  replayToFile,
  tablesOf,
  type VhdxStructures,
} from "./vhdx_file.ts";
import { LOG_SECTOR_SIZE, REGION_TABLE_OFFSETS } from "./file_map.ts";
import { assertFileSize, FileSpace } from "./space.ts";
import { HeaderWriter } from "./header.ts";
import { LoggedPages, LogWriter } from "./log_writer.ts";
import {
  encodeSectorSize,
  encodeVirtualDiskId,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  VIRTUAL_DISK_ID,
} from "./metadata_items.ts";
import { MetadataWriter } from "./metadata.ts";
import { decodeParentLocator, encodeParentLocator } from "./parent_locator.ts";
import { readRegionTable, REGION_TABLE_LENGTH, regionTablesAgree } from "./region_table.ts";
import { VhdxImage } from "./image.ts";

/**
 * Opens an image for writing. A sound file is not written to before the first change; a log that was
 * left behind is replayed to the file, and region tables that differ are made equal.
 *
 * @param dataWriteGuid By which children are to know the disk once it has changed. Default: random.
 * @throws {ImageError} As `openVhdx`, and `ERROR_FILE_CORRUPT` where no header can follow the current one;
 * nothing has been written then.
 */
export function openWritableVhdx(
  source: WritableSource,
  dataWriteGuid?: string,
): WritableImage {
  let structures = readStructures(source);
  assertFileSize(source);
  // Says whether the block table fits, before anything is written.
  tablesOf(structures);
  const headers = new HeaderWriter(source, structures.header, dataWriteGuid);
  if (structures.replayed !== undefined) {
    replayToFile(source, structures.replayed, headers);
    structures = readStructures(source);
  }
  const image = new WritableVhdx(source, structures, headers);
  image.repairRegionTables();
  return image;
}

class WritableVhdx implements WritableImage {
  readonly format = "vhdx";
  readonly subtype: ProviderSubtype;
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly metadata: MetadataWriter;
  readonly #file: WritableSource;
  readonly #image: VhdxImage;
  readonly #structures: VhdxStructures;
  readonly #tables: BlockTables;
  readonly #headers: HeaderWriter;
  readonly #space: FileSpace;
  readonly #log: LogWriter;
  readonly #pages: LoggedPages;
  readonly #blocks: BlockWriter;
  #physicalSectorSize: number;
  #virtualDiskId: string;
  #parent: ParentLink | undefined;
  /** Whether all that lies in the file is known, and anything has been or will be written. */
  #isChanging = false;
  /** Why there will never be a change. */
  #surveyFault: unknown;

  constructor(file: WritableSource, structures: VhdxStructures, headers: HeaderWriter) {
    this.#structures = structures;
    this.#headers = headers;
    this.#space = new FileSpace(file);
    this.#log = new LogWriter(file, headers, this.#space);
    this.#pages = new LoggedPages(file, this.#log, this.#space);
    this.source = this.#pages;
    this.#file = file;
    this.#tables = tablesOf(structures, this.#pages);
    this.#image = new VhdxImage({ ...structures, source: this.#pages }, this.#tables);
    this.subtype = this.#image.subtype;
    this.virtualSize = this.#image.virtualSize;
    this.blockSize = this.#image.blockSize;
    this.logicalSectorSize = this.#image.logicalSectorSize;
    this.#parent = this.#image.parent;
    this.#physicalSectorSize = this.#image.physicalSectorSize;
    this.#virtualDiskId = this.#image.virtualDiskId;
    const parts = {
      file,
      pages: this.#pages,
      space: this.#space,
      beforeChange: () => this.#beforeDataChange(),
    };
    this.#blocks = new BlockWriter({
      ...parts,
      tables: this.#tables,
      metadata: structures.metadata,
    });
    this.metadata = new MetadataWriter({
      ...parts,
      region: structures.regions.metadata,
      onMove: ({ offset, length }) =>
        structures.occupied.add({ name: "metadata region", offset, length }),
    });
  }

  get physicalSectorSize(): number {
    return this.#physicalSectorSize;
  }

  /** The data write GUID: another one from the first change on. */
  get identifier(): string {
    return this.#headers.current.dataWriteGuid;
  }

  get virtualDiskId(): string {
    return this.#virtualDiskId;
  }

  get parent(): ParentLink | undefined {
    return this.#parent;
  }

  extent(offset: number, end: number): ImageExtent {
    return this.#image.extent(offset, end);
  }

  is4kAligned(): boolean {
    return this.#image.is4kAligned();
  }

  write(bytes: Uint8Array, offset: number, takesSpace = false): void {
    this.#blocks.write(bytes, offset, takesSpace);
  }

  trim(offset: number, length: number): void {
    this.#blocks.trim(offset, length, PAYLOAD.UNMAPPED);
  }

  zeroBlocks(offset: number, length: number): void {
    this.#blocks.trim(offset, length, PAYLOAD.ZERO);
  }

  /** What a writer left that was killed becomes durable too, even if nothing has changed since. */
  flush(): void {
    if (this.#pages.hasPending) this.#pages.publish();
    else this.#file.flush();
  }

  finish(): void {
    this.#pages.publish();
    this.#file.flush();
    if (this.#isChanging) this.#log.close();
  }

  /** @throws {TypeError} Where `identifier` is no GUID. */
  setVirtualDiskId(identifier: string): void {
    const guid = normalizeGuid(identifier, "the virtual disk id");
    this.metadata.setSystemItem(VIRTUAL_DISK_ID, encodeVirtualDiskId(guid));
    this.#virtualDiskId = guid;
  }

  /** The same parent at another place leaves the disk, and so what children know it by, as it is. */
  setParent(parent: ParentSpec, isSameDisk = false): void {
    const bytes = encodeParentLocator(this.source.path, parent);
    const link = decodeParentLocator(this.source, bytes, 0);
    const isSame = isSameDisk ||
      link.identifiers.every((each) => this.#parent?.identifiers.includes(each));
    this.metadata.replaceSystemItem(PARENT_LOCATOR, bytes, () => {
      if (isSame) this.#beforeWrite();
      else this.#beforeDataChange();
    });
    this.#parent = link;
  }

  /** Sectors of 512 bytes are whole on any host. */
  keepSectorsWhole(): void {
    this.#blocks.logsData = this.logicalSectorSize === LOG_SECTOR_SIZE;
  }

  setPhysicalSectorSize(size: number): void {
    this.metadata.setSystemItem(PHYSICAL_SECTOR_SIZE, encodeSectorSize(size));
    this.#physicalSectorSize = size;
  }

  /** Makes the two region tables equal, where a writer died between them or one is damaged. */
  repairRegionTables(): void {
    if (regionTablesAgree(this.source)) return;
    const { bytes, offset } = readRegionTable(this.source);
    this.#beforeWrite();
    this.#pages.reserve(REGION_TABLE_LENGTH / LOG_SECTOR_SIZE);
    for (const other of REGION_TABLE_OFFSETS) {
      if (other !== offset) this.#pages.writeAt(bytes, other);
    }
    this.#pages.publish();
  }

  #beforeDataChange(): void {
    this.#survey();
    this.#headers.announceDataChange();
  }

  #beforeWrite(): void {
    this.#survey();
    this.#headers.announceWrite();
  }

  /** Finds out what is free, once; refuses a file in which two things lie in one place. */
  #survey(): void {
    if (this.#isChanging) return;
    if (this.#surveyFault !== undefined) throw this.#surveyFault;
    try {
      scanBlocks(this.#pages, this.#structures, this.#tables, this.#space);
    } catch (error) {
      this.#surveyFault = error;
      throw error;
    }
    this.#isChanging = true;
  }
}
