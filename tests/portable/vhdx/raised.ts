/** VHDX files whose log and tables lie at the end, as only few writers leave them. */
import { crc32c } from "../../../src/bytes/crc32.ts";
import type { WritableSource } from "../../../src/portable/file/byte_source.ts";
import { HEADERS, MIB, REGION_TABLES } from "./vhdx_builder.ts";

/** What can lie elsewhere; regions by their place in the table of a new file. */
export type Movable = "log" | "metadata" | "table";

/** Moves structures of a closed file behind everything else, in the given order; `gap` bytes lie before each. */
export function raise(file: WritableSource, what: readonly Movable[], gap = 0): void {
  for (const each of what) {
    if (each === "log") raiseLog(file, gap);
    else raiseRegion(file, regionAt(file, each), gap);
  }
}

/** Where the region lies. */
export function regionPlace(file: WritableSource, what: "metadata" | "table"): number {
  return read(file, regionAt(file, what) + 16, 8).getUint32(0, true);
}

/** Where a header says that the log lies. */
export function logOf(file: WritableSource, header: number): { offset: number; length: number } {
  const fields = read(file, header + 68, 12);
  return { offset: Number(fields.getBigUint64(4, true)), length: fields.getUint32(0, true) };
}

function raiseLog(file: WritableSource, gap: number): void {
  const { length } = logOf(file, HEADERS[0]);
  const place = newPlace(file, length, gap);
  for (const header of HEADERS) {
    const bytes = read(file, header, 4096);
    bytes.setBigUint64(72, BigInt(place), true);
    writeSealed(file, bytes, header);
  }
}

function raiseRegion(file: WritableSource, entry: number, gap: number): void {
  const fields = read(file, entry, 32);
  const [old, length] = [fields.getUint32(16, true), fields.getUint32(24, true)];
  const place = newPlace(file, length, gap);
  const contents = read(file, old, length);
  file.writeAt(new Uint8Array(contents.buffer), place);
  for (const table of REGION_TABLES) {
    const bytes = read(file, table, 0x10000);
    bytes.setBigUint64(entry - REGION_TABLES[0] + 16, BigInt(place), true);
    writeSealed(file, bytes, table);
  }
}

/** The entry in the first table. */
function regionAt(file: WritableSource, what: Movable): number {
  const table = REGION_TABLES[0];
  const first = table + 16;
  const isMetadata = read(file, first, 4).getUint32(0, true) === 0x8b7ca206;
  return isMetadata === (what === "metadata") ? first : first + 32;
}

function newPlace(file: WritableSource, length: number, gap: number): number {
  const place = Math.ceil(file.size / MIB) * MIB + gap;
  file.truncate(place + length);
  return place;
}

function read(file: WritableSource, offset: number, length: number): DataView<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  if (file.readAt(bytes, offset) < length) throw new Error(`nothing to be read at ${offset}`);
  return new DataView(bytes.buffer);
}

function writeSealed(file: WritableSource, view: DataView<ArrayBuffer>, offset: number): void {
  const bytes = new Uint8Array(view.buffer);
  view.setUint32(4, 0, true);
  view.setUint32(4, crc32c(bytes), true);
  file.writeAt(bytes, offset);
}
