/** The VHD images that faults are planted in, and how. */
import {
  changed,
  DIFFERENCING_TABLE,
  DYNAMIC_TABLE,
  HEADER,
  newVhd,
  sealFooter,
  sealHeader,
  withBlock,
} from "./vhd_builder.ts";

const BLOCK = 4096;

export type Bytes = Uint8Array<ArrayBuffer>;

export const fixed = newVhd({ subtype: "fixed" });
const oneBlock = withBlock(newVhd(), DYNAMIC_TABLE, 0, [0xff], new Uint8Array(BLOCK).fill(1));
/** Blocks 0 and 3. */
export const dynamic = withBlock(oneBlock, DYNAMIC_TABLE, 3, [0xff], new Uint8Array(BLOCK).fill(3));
/** The first sector of block 0. */
export const child = withBlock(
  newVhd({ subtype: "differencing" }),
  DIFFERENCING_TABLE,
  0,
  [0x80],
  new Uint8Array(BLOCK).fill(2, 0, 512),
);
export const FIXED_FOOTER = fixed.length - 512;
export const DYNAMIC_FOOTER = dynamic.length - 512;
/** Sectors of the two blocks of `dynamic`. */
export const FIRST_SECTOR = (oneBlock.length - 512 - 512 - BLOCK) / 512;
export const SECOND_SECTOR = (dynamic.length - 512 - 512 - BLOCK) / 512;
export const CHILD_BITMAP = child.length - 512 - 512 - BLOCK;

export function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16 & 0xff, value >>> 8 & 0xff, value & 0xff];
}

export function uint64(value: number): number[] {
  return [...uint32(Math.floor(value / 2 ** 32)), ...uint32(value % 2 ** 32)];
}

/** Both footers changed alike. */
export function footers(image: Bytes, field: number, bytes: number[]): Bytes {
  const last = image.length - 512;
  let bad = changed(image, last + field, bytes);
  sealFooter(bad, last);
  if (image !== fixed) {
    bad = changed(bad, field, bytes);
    sealFooter(bad, 0);
  }
  return bad;
}

/** The sparse header changed, and its checksum. */
export function header(image: Bytes, field: number, bytes: number[]): Bytes {
  const bad = changed(image, HEADER + field, bytes);
  sealHeader(bad);
  return bad;
}

/** Zeros put in. */
export const inserted = (image: Bytes, offset: number, length: number): Bytes => {
  const bytes = new Uint8Array(image.length + length);
  bytes.set(image.subarray(0, offset));
  bytes.set(image.subarray(offset), offset + length);
  return bytes;
};
