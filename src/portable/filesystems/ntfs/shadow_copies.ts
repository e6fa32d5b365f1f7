/**
 * Whether shadow copies of a volume are kept: restore points and previous versions. They work below the file system,
 * and copy a block only when it is overwritten. What was deleted since a shadow copy was made is free to NTFS, but
 * the shadow copy still has it where it was.
 *
 * Sources: libvshadow's documentation of the format; Microsoft's description of the copies on write.
 *
 * @module
 */
import { guid, u32, u64 } from "../../../bytes/codec.ts";
import { layout } from "../../../bytes/layout.ts";
import type { Volume } from "../file_system.ts";
import { refusal } from "./boot_sector.ts";

/** In `$Boot`, behind the sectors that start the computer. */
const HEADER_OFFSET = 7680;
const HEADER = layout("shadow copy header", { size: 128, endian: "little" }, {
  identifier: [0, guid],
  recordType: [20, u32],
  catalogOffset: [48, u64],
});
const IDENTIFIER = "3808876b-c176-4e48-b7ae-04046e6cc752";
const HEADER_RECORD = 1;

const BLOCK_LENGTH = 16384;
const CATALOG_BLOCK = layout("shadow copy catalog", { size: 128, endian: "little" }, {
  identifier: [0, guid],
  recordType: [20, u32],
  ownOffset: [32, u64],
  nextOffset: [40, u64],
});
const CATALOG_RECORD = 2;
const CATALOG_ENTRY = layout("shadow copy catalog entry", { size: 128, endian: "little" }, {
  type: [0, u64],
});
/** An entry of nothing but zeros, and one that is not in use. All others are of a shadow copy. */
const UNUSED_TYPES = [0, 1];
/** Windows keeps up to 512 shadow copies, of two entries each. */
const MAX_BLOCKS = 64;

/** @throws {Refusal} If there are any, or it cannot be found out. */
export function assertNoShadowCopies(volume: Volume): void {
  if (volume.size < HEADER_OFFSET + HEADER.size) return;
  const { identifier, recordType, catalogOffset } = HEADER.unpack(
    volume.read(HEADER_OFFSET, HEADER.size),
  );
  if (identifier !== IDENTIFIER) return;
  if (recordType !== HEADER_RECORD) throw unknown();
  let blocks = 0;
  for (let offset = catalogOffset; offset !== 0;) {
    // A catalog on another volume has its place there.
    if (!(offset + BLOCK_LENGTH <= volume.size) || ++blocks > MAX_BLOCKS) throw unknown();
    const block = volume.read(offset, BLOCK_LENGTH);
    const header = CATALOG_BLOCK.unpack(block);
    const isCatalog = header.identifier === IDENTIFIER && header.recordType === CATALOG_RECORD &&
      header.ownOffset === offset;
    if (!isCatalog) throw unknown();
    for (let at = CATALOG_BLOCK.size; at < BLOCK_LENGTH; at += CATALOG_ENTRY.size) {
      if (UNUSED_TYPES.includes(CATALOG_ENTRY.get(block, "type", at))) continue;
      throw refusal(
        "it has shadow copies (restore points, previous versions), which use what is free " +
          "otherwise; delete them first with `vssadmin delete shadows /all`",
      );
    }
    offset = header.nextOffset;
  }
}

function unknown() {
  return refusal(
    "it may have shadow copies, whose catalog is not understood or on another volume; delete " +
      "them first with `vssadmin delete shadows /all`",
  );
}
