/**
 * Checks what the entries of a VHDX's log say beyond what a replay relies on.
 *
 * @module
 */
import type { ByteSource } from "../byte_source.ts";
import { MIB } from "../vhdx/file_map.ts";
import type { Header } from "../vhdx/header.ts";
import { FLUSHED_FILE_OFFSET, LAST_FILE_OFFSET } from "../vhdx/log_entry.ts";
import { LogRing } from "../vhdx/log_ring.ts";
import { searchLog } from "../vhdx/log_sequence.ts";
import type { Findings } from "./findings.ts";

/** Checks the entries that count; there are such. */
export function checkLogFields(file: ByteSource, header: Header, findings: Findings): void {
  const ring = new LogRing(file, header);
  for (const entry of searchLog(ring).active ?? []) {
    const lengths = [
      [FLUSHED_FILE_OFFSET, "flushed", entry.flushedFileOffset],
      [LAST_FILE_OFFSET, "last", entry.lastFileOffset],
    ] as const;
    for (const [field, name, length] of lengths) {
      if (length % MIB === 0) continue;
      findings.add({
        severity: "info",
        structure: "log entry header",
        offset: ring.fileOffset(entry.position) + field,
        found: `${name} file offset ${length}`,
        expected: "whole MiB",
      });
    }
  }
}
