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
import { BlockWriter } from "./block_writer.ts";
import { LOG_SECTOR_SIZE } from "./file_map.ts";
import {
  encodeSectorSize,
  encodeVirtualDiskId,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  VIRTUAL_DISK_ID,
} from "./metadata_items.ts";
import { MetadataWriter } from "./metadata.ts";
import { decodeParentLocator, encodeParentLocator } from "./parent_locator.ts";
import { VhdxImage } from "./image.ts";
import { VhdxFile } from "./vhdx_file.ts";

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
  return new WritableVhdx(VhdxFile.open(source, dataWriteGuid));
}

class WritableVhdx implements WritableImage {
  readonly format = "vhdx";
  readonly subtype: ProviderSubtype;
  readonly source: ByteSource;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly logicalSectorSize: number;
  readonly metadata: MetadataWriter;
  readonly #file: VhdxFile;
  readonly #image: VhdxImage;
  readonly #blocks: BlockWriter;
  #physicalSectorSize: number;
  #virtualDiskId: string;
  #parent: ParentLink | undefined;

  constructor(file: VhdxFile) {
    this.#file = file;
    this.source = file.pages;
    this.#image = new VhdxImage({ ...file.structures, source: file.pages }, file.tables);
    this.subtype = this.#image.subtype;
    this.virtualSize = this.#image.virtualSize;
    this.blockSize = this.#image.blockSize;
    this.logicalSectorSize = this.#image.logicalSectorSize;
    this.#parent = this.#image.parent;
    this.#physicalSectorSize = this.#image.physicalSectorSize;
    this.#virtualDiskId = this.#image.virtualDiskId;
    this.#blocks = new BlockWriter(file);
    this.metadata = new MetadataWriter(file);
  }

  get physicalSectorSize(): number {
    return this.#physicalSectorSize;
  }

  /** The data write GUID: another one from the first change on. */
  get identifier(): string {
    return this.#file.headers.current.dataWriteGuid;
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
    if (this.#file.pages.hasPending) this.#file.publish();
    else this.#file.file.flush();
  }

  finish(): void {
    this.#file.close();
  }

  /** @throws {TypeError} Where `identifier` is no GUID. */
  setVirtualDiskId(identifier: string): void {
    const guid = normalizeGuid(identifier, "the virtual disk id");
    this.metadata.setSystemItem(VIRTUAL_DISK_ID, encodeVirtualDiskId(guid));
    this.#virtualDiskId = guid;
  }

  /** The same parent at another place leaves the disk, and so what children know it by, as it is. */
  rebase(parent: ParentSpec, isSameDisk = false): void {
    const bytes = encodeParentLocator(this.source.path, parent);
    const link = decodeParentLocator(this.source, bytes, 0);
    const isSame = isSameDisk ||
      link.identifiers.every((each) => this.#parent?.identifiers.includes(each));
    this.metadata.replaceSystemItem(PARENT_LOCATOR, bytes, !isSame);
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
}
