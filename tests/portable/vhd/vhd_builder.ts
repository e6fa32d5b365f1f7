/** Small VHD images in memory, made by createVhd() and filled or damaged by hand. */
import { assertEquals, assertThrows } from "@std/assert";
import type { ErrorSymbol } from "../../../src/errors/codes.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import type { ImageSpec } from "../../../src/portable/image/image.ts";
import { createVhd } from "../../../src/portable/vhd/create.ts";
import { vhdChecksum } from "../../../src/portable/vhd/footer.ts";
import { openVhd } from "../../../src/portable/vhd/open.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { MemorySource } from "../file/memory_source.ts";

export const IDENTIFIER = "00112233-4455-6677-8899-aabbccddeeff";
export const PARENT_IDENTIFIER = "11111111-2222-3333-4444-555555555555";

/** Offsets in the sparse images made here: footer copy, sparse header, block allocation table. */
export const HEADER = 512;
export const DYNAMIC_TABLE = 1536;
export const DIFFERENCING_TABLE = 0x2000;

/** What a test does not say. Blocks of 4 KiB keep images small: 8 sectors, a bitmap of one byte used. */
export function vhdSpec(spec: Partial<ImageSpec> = {}): ImageSpec {
  return {
    subtype: "dynamic",
    virtualSize: 10 * 4096,
    blockSize: 4096,
    logicalSectorSize: 512,
    physicalSectorSize: 512,
    identifier: IDENTIFIER,
    parent: spec.subtype === "differencing"
      ? {
        identifier: PARENT_IDENTIFIER,
        relativePath: ".\\parent.vhd",
        absolutePath: "C:\\images\\parent.vhd",
      }
      : undefined,
    ...spec,
  };
}

/** The bytes of a new image. */
export function newVhd(spec: Partial<ImageSpec> = {}): Uint8Array<ArrayBuffer> {
  const file = new SparseFile();
  createVhd(file, vhdSpec(spec));
  return file.bytes();
}

/** The image with a block more, written after the others, before the footer. */
export function withBlock(
  image: Uint8Array<ArrayBuffer>,
  tableOffset: number,
  index: number,
  bitmap: readonly number[],
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const footer = image.subarray(image.length - 512);
  const bitmapOffset = image.length - 512;
  const dataOffset = bitmapOffset + Math.ceil(bitmap.length / 512) * 512;
  const bytes = new Uint8Array(dataOffset + data.length + 512);
  bytes.set(image.subarray(0, bitmapOffset));
  bytes.set(bitmap, bitmapOffset);
  bytes.set(data, dataOffset);
  bytes.set(footer, dataOffset + data.length);
  viewAt(bytes).setUint32(tableOffset + 4 * index, bitmapOffset / 512, false);
  return bytes;
}

/** The image with other bytes at `offset`; `seal` then makes its checksums right again. */
export function changed(
  image: Uint8Array<ArrayBuffer>,
  offset: number,
  bytes: readonly number[],
): Uint8Array<ArrayBuffer> {
  const copy = image.slice();
  copy.set(bytes, offset);
  return copy;
}

/** Makes the checksum of the footer at `offset` right. */
export function sealFooter(image: Uint8Array<ArrayBuffer>, offset: number): void {
  viewAt(image).setUint32(
    offset + 64,
    vhdChecksum(image.subarray(offset, offset + 512), 64),
    false,
  );
}

/** Makes the checksum of the sparse header right. */
export function sealHeader(image: Uint8Array<ArrayBuffer>, offset = HEADER): void {
  viewAt(image).setUint32(
    offset + 36,
    vhdChecksum(image.subarray(offset, offset + 1024), 36),
    false,
  );
}

export function viewAt(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where a rule is broken, and which code says so. */
export interface Fault {
  code: ErrorSymbol;
  structure: string;
  offset: number;
}

/** `run` (default: opening the image) fails with the code, at the place. */
export function assertFault(
  image: Uint8Array<ArrayBuffer>,
  fault: Fault,
  run: (source: MemorySource) => unknown = openVhd,
): void {
  const error = assertThrows(() => run(new MemorySource(image)), ImageError);
  const { structure, offset } = error.options.detail ?? {};
  assertEquals({ code: error.symbol, structure, offset }, fault as unknown);
}
