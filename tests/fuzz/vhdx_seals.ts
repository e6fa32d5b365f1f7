/** The checksums of a VHDX, made right again after damage: without them no other check would be reached. */
import { crc32c } from "../../src/bytes/crc32.ts";
import { PAGE } from "../portable/vhdx/log_builder.ts";
import { HEADERS, LOG, MIB, REGION_TABLES } from "../portable/vhdx/vhdx_builder.ts";

/** A file whose checksums are written. */
export interface SealedFile {
  readonly size: number;
  readAt(buffer: Uint8Array, offset: number): unknown;
  writeAt(bytes: Uint8Array, offset: number): void;
}

/** "loge". */
const ENTRY_SIGNATURE = 0x65676f6c;

/** Seals the headers, region tables and log entries that are in a range that was changed. */
export function sealVhdx(
  file: SealedFile,
  isChanged: (offset: number, length: number) => boolean,
): void {
  if (file.size < 2 * MIB) return;
  for (const header of HEADERS) if (isChanged(header, 4096)) seal(file, header, 4096);
  for (const table of REGION_TABLES) if (isChanged(table, 0x10000)) seal(file, table, 0x10000);
  if (!isChanged(LOG, MIB)) return;
  for (const position of entriesIn(file)) sealEntry(file, position);
}

/** Where something in the log looks like an entry. */
export function* entriesIn(file: Pick<SealedFile, "readAt">): Generator<number> {
  const bytes = new Uint8Array(4);
  const view = new DataView(bytes.buffer);
  for (let position = 0; position < MIB; position += PAGE) {
    file.readAt(bytes, LOG + position);
    if (view.getUint32(0, true) === ENTRY_SIGNATURE) yield position;
  }
}

function seal(file: SealedFile, offset: number, length: number): void {
  const bytes = new Uint8Array(length);
  file.readAt(bytes, offset);
  file.writeAt(checksumOf(bytes), offset + 4);
}

function checksumOf(bytes: Uint8Array<ArrayBuffer>): Uint8Array {
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 0, true);
  view.setUint32(4, crc32c(bytes), true);
  return bytes.subarray(4, 8);
}

/** An entry may lie across the end of the log: it is sealed in a copy. */
function sealEntry(file: SealedFile, position: number): void {
  const head = new Uint8Array(12);
  file.readAt(head, LOG + position);
  const view = new DataView(head.buffer);
  const length = view.getUint32(8, true);
  if (length < PAGE || length > 8 * PAGE) return;
  const copy = new Uint8Array(length);
  const inLog = Math.min(length, MIB - position);
  file.readAt(copy.subarray(0, inLog), LOG + position);
  file.readAt(copy.subarray(inLog), LOG);
  file.writeAt(checksumOf(copy), LOG + position + 4);
}
