/**
 * Checks fields of a VHDX without meaning, of which [MS-VHDX] says what they are to hold. Readers pass over
 * them, but for some that refuse a file for them.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { firstNonZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure, viewOf } from "../file/byte_source.ts";
import type { Findings } from "../image/findings.ts";
import type { CurrentHeader } from "./header.ts";
import {
  FILE_PARAMETERS,
  LOGICAL_SECTOR_SIZE,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  VIRTUAL_DISK_ID,
  VIRTUAL_DISK_SIZE,
} from "./metadata_items.ts";
import {
  ENTRY_LENGTH,
  type LocatedItem,
  MAX_CATEGORY_LENGTH,
  MAX_SYSTEM_ENTRIES,
  readMetadataTable,
} from "./metadata_table.ts";
import {
  readRegionTable,
  type Region,
  REGION_COUNT,
  REGION_REQUIRED,
  regionEntryOffset,
} from "./region_table.ts";

/** Bytes, from the start of a structure. */
interface Field {
  readonly offset: number;
  readonly length: number;
}

const HEADER_LOG_VERSION = 64;
const HEADER_RESERVED: Field = { offset: 80, length: 4016 };

const REGION_TABLE_RESERVED: Field = { offset: 12, length: 4 };
const REGION_FLAG_BITS = 1;

const METADATA_HEADER_LENGTH = 32;
const METADATA_RESERVED: readonly Field[] = [{ offset: 8, length: 2 }, { offset: 12, length: 20 }];
const ITEM_FLAGS = 24;
const ITEM_FLAG_BITS = 7;
const ITEM_RESERVED: Field = { offset: 28, length: 4 };
const LOCATOR_RESERVED: Field = { offset: 16, length: 2 };

/** The flags of the items that every reader knows: IsVirtualDisk (2) and IsRequired (4). */
const KNOWN_FLAGS: ReadonlyMap<string, number> = new Map([
  [FILE_PARAMETERS.id, 4],
  [VIRTUAL_DISK_SIZE.id, 6],
  [VIRTUAL_DISK_ID.id, 6],
  [LOGICAL_SECTOR_SIZE.id, 6],
  [PHYSICAL_SECTOR_SIZE.id, 6],
  [PARENT_LOCATOR, 4],
]);

/** A structure of a file that has been found to keep the rules. */
class CheckedStructure {
  readonly bytes: Uint8Array;
  readonly #structure: string;
  readonly #offset: number;
  readonly #findings: Findings;

  constructor(structure: string, offset: number, bytes: Uint8Array, findings: Findings) {
    this.#structure = structure;
    this.#offset = offset;
    this.bytes = bytes;
    this.#findings = findings;
  }

  zeros({ offset, length }: Field): void {
    const at = firstNonZero(this.bytes.subarray(offset, offset + length));
    if (at !== undefined) this.unusual(offset + at, this.bytes[offset + at], "0 in reserved bytes");
  }

  unusual(field: number, found: unknown, expected: string): void {
    this.#findings.add({
      severity: "info",
      structure: this.#structure,
      offset: this.#offset + field,
      found,
      expected,
    });
  }
}

/** Checks the header in use. */
export function checkHeaderFields(
  file: ByteSource,
  { offset, logGuid, logVersion }: CurrentHeader,
  findings: Findings,
): void {
  const header = structureAt(file, "header", offset, 4096, findings);
  // Of a log in use, another version is an error.
  if (logGuid === NIL_GUID && logVersion !== 0) {
    header.unusual(HEADER_LOG_VERSION, logVersion, "log version 0");
  }
  header.zeros(HEADER_RESERVED);
}

/** Checks the region table in use. */
export function checkRegionFields(source: ByteSource, findings: Findings): void {
  const { bytes, offset } = readRegionTable(source);
  const table = new CheckedStructure("region table", offset, bytes, findings);
  table.zeros(REGION_TABLE_RESERVED);
  const view = viewOf(bytes);
  const count = view.getUint32(REGION_COUNT, true);
  for (let i = 0; i < count; i++) {
    const at = regionEntryOffset(i) + REGION_REQUIRED;
    const flags = view.getUint32(at, true);
    if (flags <= REGION_FLAG_BITS) continue;
    const entry = new CheckedStructure("region table entry", offset, bytes, findings);
    entry.unusual(at, `flags 0x${flags.toString(16)}`, "none but bit 0");
  }
}

/** Checks the metadata table, and the parent locator. */
export function checkMetadataFields(
  source: ByteSource,
  region: Region,
  findings: Findings,
): void {
  const { offset } = region;
  const table = structureAt(source, "metadata table", offset, METADATA_HEADER_LENGTH, findings);
  METADATA_RESERVED.forEach((field) => table.zeros(field));
  for (const item of readMetadataTable(source, region)) {
    checkItem(source, item, findings);
    if (item.isUser || item.id !== PARENT_LOCATOR) continue;
    const at = offset + item.offset;
    structureAt(source, "parent locator", at, item.length, findings).zeros(LOCATOR_RESERVED);
  }
}

function checkItem(source: ByteSource, item: LocatedItem, findings: Findings): void {
  const { entryOffset } = item;
  const structure = "metadata table entry";
  const entry = structureAt(source, structure, entryOffset, ENTRY_LENGTH, findings);
  if (item.id === NIL_GUID) entry.unusual(0, "item id 0", "a GUID");
  const flags = viewOf(entry.bytes).getUint32(ITEM_FLAGS, true);
  const known = item.isUser ? undefined : KNOWN_FLAGS.get(item.id);
  if (known !== undefined && flags !== known) {
    entry.unusual(ITEM_FLAGS, `flags 0x${flags.toString(16)}`, `0x${known} for this item`);
  } else if (flags > ITEM_FLAG_BITS) {
    entry.unusual(ITEM_FLAGS, `flags 0x${flags.toString(16)}`, "none but bits 0 to 2");
  }
  entry.zeros(ITEM_RESERVED);
}

function structureAt(
  source: ByteSource,
  name: string,
  offset: number,
  length: number,
  findings: Findings,
): CheckedStructure {
  const bytes = readStructure(source, offset, length, name, "ERROR_FILE_CORRUPT");
  return new CheckedStructure(name, offset, bytes, findings);
}

// Checks whether a VHDX has more metadata items than other programs take, though the format allows them.

/** Checks a table that has been found to keep the rules. */
export function checkItemLimits(source: ByteSource, region: Region, findings: Findings): void {
  const items = readMetadataTable(source, region);
  const unusual = (found: string, expected: string) =>
    findings.add({
      severity: "info",
      structure: "metadata table",
      offset: region.offset,
      found,
      expected,
    });
  for (const whose of [true, false]) {
    const name = whose ? "user" : "system";
    const lengths = items.filter(({ isUser }) => isUser === whose).map(({ length }) => length);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    if (total > MAX_CATEGORY_LENGTH) {
      unusual(`${name} items of ${total} bytes`, `at most ${MAX_CATEGORY_LENGTH}`);
    }
    // The format itself limits those of the users.
    if (!whose && lengths.length > MAX_SYSTEM_ENTRIES) {
      unusual(`${lengths.length} ${name} items`, `at most ${MAX_SYSTEM_ENTRIES}`);
    }
  }
}
