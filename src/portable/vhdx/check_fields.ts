/**
 * Checks fields of a VHDX without meaning, of which [MS-VHDX] says what they are to hold. Readers pass over
 * them, but for some that refuse a file for them.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import type { FieldPlace, Fields, Layout } from "../../bytes/layout.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import type { Findings } from "../image/findings.ts";
import { type CurrentHeader, HEADER } from "./header.ts";
import {
  FILE_PARAMETERS,
  LOGICAL_SECTOR_SIZE,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  VIRTUAL_DISK_ID,
  VIRTUAL_DISK_SIZE,
} from "./metadata_items.ts";
import {
  type LocatedItem,
  MAX_CATEGORY_LENGTH,
  MAX_SYSTEM_ENTRIES,
  METADATA_ENTRY,
  METADATA_TABLE,
  readMetadataTable,
} from "./metadata_table.ts";
import { LOCATOR_HEADER } from "./parent_locator.ts";
import {
  readRegionTable,
  type Region,
  REGION_ENTRY,
  REGION_TABLE,
  regionEntryOffset,
} from "./region_table.ts";

const REGION_FLAG_BITS = 1;
const ITEM_FLAG_BITS = 7;

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
class CheckedStructure<F extends Fields> {
  readonly #layout: Layout<F>;
  readonly #bytes: Uint8Array;
  readonly #offset: number;
  readonly #findings: Findings;

  /** @param offset Where it is in the file. */
  constructor(layout: Layout<F>, bytes: Uint8Array, offset: number, findings: Findings) {
    this.#layout = layout;
    this.#bytes = bytes;
    this.#offset = offset;
    this.#findings = findings;
  }

  static at<F extends Fields>(
    source: ByteSource,
    layout: Layout<F>,
    offset: number,
    findings: Findings,
  ): CheckedStructure<F> {
    const { size, type } = layout;
    const bytes = readStructure(source, offset, size, type, "ERROR_FILE_CORRUPT");
    return new CheckedStructure(layout, bytes, offset, findings);
  }

  get<K extends keyof F>(field: K): ReturnType<F[K][1]["read"]> {
    return this.#layout.get(this.#bytes, field);
  }

  reservedIsZero(): void {
    for (const { offset, found } of this.#layout.nonZeroReserved(this.#bytes)) {
      const place = { structure: this.#layout.type, offset: this.#offset + offset };
      this.#add(place, found, "0 in reserved bytes");
    }
  }

  unusual(field: keyof F, found: unknown, expected: string): void {
    this.#add(this.#layout.place(field, this.#offset), found, expected);
  }

  #add(place: FieldPlace, found: unknown, expected: string): void {
    this.#findings.add({ severity: "info", ...place, found, expected });
  }
}

/** Checks the header in use. */
export function checkHeaderFields(
  file: ByteSource,
  { offset, logGuid, logVersion }: CurrentHeader,
  findings: Findings,
): void {
  const header = CheckedStructure.at(file, HEADER, offset, findings);
  // Of a log in use, another version is an error.
  if (logGuid === NIL_GUID && logVersion !== 0) {
    header.unusual("logVersion", logVersion, "log version 0");
  }
  header.reservedIsZero();
}

/** Checks the region table in use. */
export function checkRegionFields(source: ByteSource, findings: Findings): void {
  const { bytes, offset } = readRegionTable(source);
  const table = new CheckedStructure(REGION_TABLE, bytes, offset, findings);
  table.reservedIsZero();
  const count = table.get("entryCount");
  for (let i = 0; i < count; i++) {
    const at = regionEntryOffset(i);
    const entry = new CheckedStructure(REGION_ENTRY, bytes.subarray(at), offset + at, findings);
    const flags = entry.get("flags");
    if (flags > REGION_FLAG_BITS) {
      entry.unusual("flags", `flags 0x${flags.toString(16)}`, "none but bit 0");
    }
  }
}

/** Checks the metadata table, and the parent locator. */
export function checkMetadataFields(
  source: ByteSource,
  region: Region,
  findings: Findings,
): void {
  const { offset } = region;
  CheckedStructure.at(source, METADATA_TABLE, offset, findings).reservedIsZero();
  for (const item of readMetadataTable(source, region)) {
    checkItem(source, item, findings);
    if (item.isUser || item.id !== PARENT_LOCATOR) continue;
    const at = offset + item.offset;
    CheckedStructure.at(source, LOCATOR_HEADER, at, findings).reservedIsZero();
  }
}

function checkItem(source: ByteSource, item: LocatedItem, findings: Findings): void {
  const entry = CheckedStructure.at(source, METADATA_ENTRY, item.entryOffset, findings);
  if (item.id === NIL_GUID) entry.unusual("id", "item id 0", "a GUID");
  const flags = entry.get("flags");
  const known = item.isUser ? undefined : KNOWN_FLAGS.get(item.id);
  if (known !== undefined && flags !== known) {
    entry.unusual("flags", `flags 0x${flags.toString(16)}`, `0x${known} for this item`);
  } else if (flags > ITEM_FLAG_BITS) {
    entry.unusual("flags", `flags 0x${flags.toString(16)}`, "none but bits 0 to 2");
  }
  entry.reservedIsZero();
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
