/** VHDX images with damage where fields are. */
import { batPage, dirtyVhdx, PAGE, putEntries } from "../portable/vhdx/log_builder.ts";
import {
  BAT,
  FIRST_BLOCK,
  HEADERS,
  ITEMS,
  LOG,
  METADATA,
  MIB,
  REGION_TABLES,
  VhdxBuilder,
} from "../portable/vhdx/vhdx_builder.ts";
import { pattern } from "../support.ts";
import type { Random } from "./random.ts";
import { type SealedFile, sealVhdx } from "./vhdx_seals.ts";

/** Sound images. */
export const VHDX_SAMPLES: readonly Uint8Array<ArrayBuffer>[] = [
  dynamic(),
  differencing(),
  dirty(),
];

function dynamic(): Uint8Array<ArrayBuffer> {
  const image = new VhdxBuilder();
  const block = image.append(pattern(2 * MIB)) / MIB;
  return image.bat(0, 6, block).bat(1, 2, 0).bat(2, 3, block).bat(3, 6, block + 1).bytes;
}

function differencing(): Uint8Array<ArrayBuffer> {
  const image = new VhdxBuilder({ subtype: "differencing" });
  const bitmap = image.append(MIB) / MIB;
  const block = image.append(pattern(2 * MIB)) / MIB;
  image.bytes.fill(0b0101_1100, bitmap * MIB, bitmap * MIB + 64);
  return image.bat(0, 7, block).bat(1, 6, block + 1).bat(2, 2, 0).bat(4096, 6, bitmap).bytes;
}

function dirty(): Uint8Array<ArrayBuffer> {
  const image = dirtyVhdx();
  image.append(pattern(MIB));
  const start = MIB - 3 * PAGE;
  putEntries(
    image,
    start,
    { sequence: 5n, changes: [{ offset: FIRST_BLOCK, page: pattern(PAGE, 9) }] },
    { sequence: 6n, tail: start, last: 6 * MIB, changes: [batPage(6, 4)] },
    { sequence: 7n, tail: start, last: 6 * MIB, changes: [{ offset: 5 * MIB, zeros: 3 * PAGE }] },
  );
  return image.bytes;
}

/** Where the fields of the samples are: a start and how many bytes. */
export const VHDX_FIELDS: readonly (readonly [number, number])[] = [
  [0, 16],
  ...HEADERS.map((header) => [header, 80] as const),
  ...REGION_TABLES.map((table) => [table, 112] as const),
  [METADATA, 32 + 7 * 32],
  [ITEMS.fileParameters, 40],
  [ITEMS.parentLocator, 300],
  [BAT, 64],
  [BAT + 8 * 4096, 16],
  [FIRST_BLOCK, 128],
  [LOG, 4 * PAGE],
  ...[0, PAGE, 2 * PAGE].flatMap((at) =>
    [MIB - 3 * PAGE, 0].map((log) => [LOG + (log + at) % MIB, 128] as const)
  ),
];

/** Numbers at which checks and sums go wrong. */
const NUMBERS = [0, 1, 2, 3, 6, 7, 31, 64, 511, 512, 4095, 4096, 8192, 0x10000, 0x8000_0000];
const MORE_NUMBERS = [
  MIB,
  2 * MIB,
  3 * MIB,
  4 * MIB,
  64 * MIB,
  0xffff_f000,
  0xffff_fff8,
  0xffff_ffff,
];

/** A sound image with a few bytes changed, its checksums mostly made right again. */
export function mutatedVhdx(random: Random): Uint8Array<ArrayBuffer> {
  let bytes = random.pick(VHDX_SAMPLES).slice();
  const changes = 1 + random.below(5);
  for (let i = 0; i < changes; i++) bytes = mutateOnce(bytes, random);
  if (random.chance(85)) sealVhdx(inBytes(bytes), () => true);
  return bytes;
}

function mutateOnce(bytes: Uint8Array<ArrayBuffer>, random: Random): Uint8Array<ArrayBuffer> {
  if (random.chance(2)) return bytes.slice(0, random.below(bytes.length + 1));
  if (bytes.length < 8 * MIB && random.chance(3)) {
    const longer = new Uint8Array(bytes.length + random.below(2 * MIB));
    longer.set(bytes);
    return longer;
  }
  const [start, length] = random.pick(VHDX_FIELDS);
  const offset = start + (random.below(length) & ~(random.chance(70) ? 3 : 1));
  if (offset + 8 > bytes.length) return bytes;
  const view = new DataView(bytes.buffer);
  const value = random.pick([...NUMBERS, ...MORE_NUMBERS, random.uint32(), bytes.length]);
  if (random.chance(30)) bytes[offset]! ^= 1 << random.below(8);
  else if (random.chance(25)) view.setUint16(offset, value & 0xffff, true);
  else if (random.chance(60)) view.setUint32(offset, value, true);
  else view.setBigUint64(offset, BigInt(value) << BigInt(random.pick([0, 0, 12, 32])), true);
  return bytes;
}

function inBytes(bytes: Uint8Array<ArrayBuffer>): SealedFile {
  return {
    size: bytes.length,
    readAt: (buffer, offset) => buffer.set(bytes.subarray(offset, offset + buffer.length)),
    writeAt: (piece, offset) => bytes.set(piece, offset),
  };
}
