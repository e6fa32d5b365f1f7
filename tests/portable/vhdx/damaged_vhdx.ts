/** VHDX images to be damaged, and what is left of them. */
import { assertEquals } from "@std/assert";
import { VHDX } from "../../../src/portable/vhdx/format.ts";
import { pattern } from "../../support.ts";
import { MemorySource } from "../file/memory_source.ts";
import { openDamaged, type Place, Subject, zeroed } from "../salvaging.ts";
import { PAGE } from "./log_builder.ts";
import { BAT, FIRST_BLOCK, HEADERS, MIB, REGION_TABLES, VhdxBuilder } from "./vhdx_builder.ts";

/** What an image says that is 8 MiB large. */
export const ASSUMED = { size: 8 * MIB, blockSize: MIB, sectorSize: 512 };
export const NOT_PRESENT = 0;
export const UNDEFINED = 1;
export const ZERO = 2;
export const UNMAPPED = 3;
export const PRESENT = 6;
export const PARTIAL = 7;
/** The entry of the bitmap of the first chunk: with blocks of 1 MiB, one for 4096. */
export const BITMAP_ENTRY = 4096;

export function entry(index: number): Place {
  return { offset: BAT + 8 * index, length: 8 };
}

/** Blocks in another order than that of the disk, and blocks without data. */
export function dynamicBuilder(): VhdxBuilder {
  const builder = new VhdxBuilder();
  const states = [PRESENT, ZERO, PRESENT, NOT_PRESENT, PRESENT, ZERO, PRESENT, NOT_PRESENT];
  for (const [i, block] of [4, 0, 6, 2].entries()) {
    const offset = builder.append(pattern(MIB, block + 1));
    assertEquals(offset, FIRST_BLOCK + i * MIB);
    builder.bat(block, PRESENT, offset / MIB);
  }
  for (const [block, state] of states.entries()) {
    if (state !== PRESENT) builder.bat(block, state, 0);
  }
  return builder;
}

export function dynamicSubject(): Subject {
  return new Subject(VHDX, dynamicBuilder().bytes, (block) => [entry(block)]);
}

/** A child that has all of some blocks, and sectors of others. */
export function childSubject(): Subject {
  const builder = new VhdxBuilder({ subtype: "differencing" });
  const bitmap = builder.append(MIB);
  builder.bat(BITMAP_ENTRY, PRESENT, bitmap / MIB);
  for (const block of [5, 1, 3]) {
    const offset = builder.append(pattern(MIB, block + 1));
    builder.bat(block, block === 3 ? PRESENT : PARTIAL, offset / MIB);
    // Every other 4 KiB, and in block 5 its second half.
    const bits = builder.bytes.subarray(bitmap + block * 256, bitmap + (block + 1) * 256);
    if (block === 1) { for (let i = 0; i < 256; i += 2) bits[i] = 0xff; }
    if (block === 5) bits.fill(0xff, 128);
  }
  return new Subject(VHDX, builder.bytes, (block) => [
    entry(block),
    ...(block === 1 || block === 5
      ? [entry(BITMAP_ENTRY), { offset: bitmap + block * 256, length: 256 }]
      : []),
  ]);
}

/** Puts zeros in place of both headers; gives the same bytes. */
export function eraseHeaders(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  for (const offset of HEADERS) bytes.fill(0, offset, offset + PAGE);
  return bytes;
}

/** Zeros in place of all that says where the structures are. */
export function withoutTables(builder: VhdxBuilder): Uint8Array<ArrayBuffer> {
  return REGION_TABLES.map((offset) => ({ offset, length: 0x10000 })).reduce(zeroed, builder.bytes);
}

/** What is said of a block of 1 MiB, whose parent is at hand. */
export function blockOf(bytes: Uint8Array<ArrayBuffer>, block: number) {
  const extent = openDamaged(VHDX, new MemorySource(bytes)).extent(block * MIB, (block + 1) * MIB);
  return extent.kind === "lost" ? `lost: ${extent.reason}` : extent.kind;
}
