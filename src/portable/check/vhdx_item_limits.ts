/**
 * Checks whether a VHDX has more metadata items than other programs take, though the format allows them.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { MAX_CATEGORY_LENGTH, MAX_SYSTEM_ENTRIES } from "../vhdx/metadata_limits.ts";
import { readMetadataTable } from "../vhdx/metadata_table.ts";
import type { Region } from "../vhdx/region_table.ts";
import type { Findings } from "./findings.ts";

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
