/**
 * The metadata of a damaged VHDX, item by item: what can be read, and for the rest what its user says.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import type { ParentLink } from "../image/image.ts";
import { assertAssumed, missingFacts } from "../image/assumed.ts";
import type { Damages } from "../image/tolerant_image.ts";
import { MAX_VIRTUAL_SIZE } from "./file_map.ts";
import {
  assertItemsKnown,
  type DiskMetadata,
  ItemReader,
  LOGICAL_SECTOR_SIZE,
  MAX_BLOCK_SIZE,
  MIN_BLOCK_SIZE,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  readFileParameters,
  readParent,
  readSectorSize,
  readVirtualSize,
  SECTOR_SIZES,
  VIRTUAL_DISK_ID,
} from "./metadata_items.ts";
import { readMetadataTable } from "./metadata_table.ts";
import type { Region } from "./region_table.ts";

/** What is known of the disk. */
export interface SalvagedMetadata {
  readonly metadata: DiskMetadata;
  /** `undefined` if the file does not say it any more. */
  readonly virtualDiskId: string | undefined;
  /** Whether there is a table, and all of it keeps the rules. */
  readonly isTableSound: boolean;
}

const OTHERS_ARE_READ = "The other items are read.";
/** A child whose file no longer says who its parent is. */
const UNKNOWN_PARENT: ParentLink = { identifiers: [], locators: [] };

/**
 * Reads what there is.
 *
 * @param region `undefined` if nobody knows where it is.
 * @throws {ImageError} `ERROR_FILE_CORRUPT` if a size is missing that nobody has said; `ERROR_INVALID_PARAMETER` if
 * no disk can be what was said.
 */
export function salvageMetadata(
  source: ByteSource,
  region: Region | undefined,
  damages: Damages,
): SalvagedMetadata {
  const { assumed } = damages;
  assertAssumed(source.path, assumed, {
    blockSize: (size) =>
      size >= MIN_BLOCK_SIZE && size <= MAX_BLOCK_SIZE && Number.isInteger(Math.log2(size)),
    sectorSize: (size) => SECTOR_SIZES.includes(size),
    size: (size) => size > 0 && size <= MAX_VIRTUAL_SIZE && size % Math.min(...SECTOR_SIZES) === 0,
  });
  const { reader, isSound } = readerOf(source, region, damages);
  const item = <T>(read: (reader: ItemReader) => T, consequence: string) =>
    reader && damages.attempt(() => read(reader), consequence);
  const parameters = item(
    readFileParameters,
    assumed.blockSize === undefined ? OTHERS_ARE_READ : "What was said of the block size is taken.",
  );
  const logicalSectorSize = assumed.sectorSize ?? item(
    (each) => readSectorSize(each, LOGICAL_SECTOR_SIZE),
    OTHERS_ARE_READ,
  );
  assertWholeSectors(source.path, assumed.size, logicalSectorSize);
  const virtualSize = assumed.size ?? item(
    (each) => readVirtualSize(each, logicalSectorSize ?? 512),
    OTHERS_ARE_READ,
  );
  const blockSize = assumed.blockSize ?? parameters?.blockSize;
  if (virtualSize === undefined || blockSize === undefined || logicalSectorSize === undefined) {
    throw missingFacts(source.path, {
      size: virtualSize,
      blockSize,
      sectorSize: logicalSectorSize,
    });
  }
  const physicalSectorSize = item(
    (each) => readSectorSize(each, PHYSICAL_SECTOR_SIZE),
    `It is taken for ${logicalSectorSize}.`,
  );
  const virtualDiskId = item(
    (each) => each.read(VIRTUAL_DISK_ID).value,
    "The disk goes without.",
  );
  return {
    metadata: {
      ...parentOf(source, region, reader, parameters?.hasParent, damages),
      blockSize,
      leaveBlocksAllocated: parameters?.leaveBlocksAllocated ?? false,
      logicalSectorSize,
      physicalSectorSize: physicalSectorSize ?? logicalSectorSize,
      virtualSize,
      virtualDiskId: virtualDiskId ?? NIL_GUID,
    },
    virtualDiskId,
    isTableSound: isSound,
  };
}

function assertWholeSectors(
  path: string,
  size: number | undefined,
  sectorSize: number | undefined,
) {
  if (size === undefined || sectorSize === undefined || size % sectorSize === 0) return;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: `the size of the disk cannot be ${size} with sectors of ${sectorSize} bytes`,
  });
}

function readerOf(
  source: ByteSource,
  region: Region | undefined,
  damages: Damages,
): { readonly reader?: ItemReader; readonly isSound: boolean } {
  if (region === undefined) return { isSound: false };
  let isSound = true;
  const items = damages.attempt(
    () =>
      readMetadataTable(source, region, (fault) => {
        isSound = false;
        damages.addError(fault, OTHERS_ARE_READ);
      }),
    "Nothing is read of the metadata.",
  );
  if (items === undefined) return { isSound: false };
  damages.attempt(() => assertItemsKnown(source, items), "It is left out.", true);
  return { reader: new ItemReader(source, region, items), isSound };
}

/** Whatever says that there is a parent is believed: zeros in its place would be nobody's. */
function parentOf(
  source: ByteSource,
  region: Region | undefined,
  reader: ItemReader | undefined,
  hasParent: boolean | undefined,
  damages: Damages,
): Pick<DiskMetadata, "hasParent" | "parent"> {
  const hasLocator = reader?.find(PARENT_LOCATOR) !== undefined;
  if (hasParent === undefined && !hasLocator) {
    damages.add({
      path: source.path,
      structure: "file parameters",
      offset: region?.offset ?? 0,
      found: "nothing that says whether the disk has a parent",
      expected: "a flag",
      consequence: "The disk is taken for one without a parent.",
      isUncertain: true,
    });
  }
  if (!hasLocator && hasParent !== true) return { hasParent: false, parent: undefined };
  const parent = reader && damages.attempt(
    () => readParent(reader, true),
    "Which disk is the parent is not known.",
  );
  return { hasParent: true, parent: parent ?? UNKNOWN_PARENT };
}
