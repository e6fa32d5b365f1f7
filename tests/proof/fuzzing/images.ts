/** Images as targets: they are opened, read whole, checked, written to, maintained, and salvaged. */
import { assert } from "@std/assert";
import { parentCandidates } from "../../../src/portable/chain/parent_paths.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import {
  damagedImageOpener,
  detectFormat,
  type MarkedFormat,
  openImage,
  openWritableImage,
} from "../../../src/portable/formats.ts";
import { chainExtents, readChain } from "../../../src/portable/image/extents.ts";
import type { DiskImage } from "../../../src/portable/image/image.ts";
import { imageExtents } from "../../../src/portable/image/image.ts";
import { Damages, TolerantImage } from "../../../src/portable/image/tolerant_image.ts";
import { checkFile } from "../../../src/portable/operations/check.ts";
import { smallestSafeSize } from "../../../src/portable/partitions/partition_table.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { assertExtents, orRefused } from "../../fuzz/damaged_image.ts";
import { GuardedFile } from "../../fuzz/guarded_file.ts";
import { maintainDamaged, OPERATION_NAMES } from "../../fuzz/maintenance.ts";
import type { Random } from "../../fuzz/random.ts";
import { sealVhd, VHD_SAMPLES } from "../../fuzz/vhd_mutations.ts";
import { VHDX_FIELDS, VHDX_SAMPLES } from "../../fuzz/vhdx_mutations.ts";
import { sealVhdx } from "../../fuzz/vhdx_seals.ts";
import {
  bridgeImage,
  IsoBuilder,
  SECTOR as ISO_SECTOR,
  udfImage,
} from "../../portable/iso/iso_builder.ts";
import { DIFFERENCING_TABLE, DYNAMIC_TABLE, HEADER } from "../../portable/vhd/vhd_builder.ts";
import { type Change, logEntry, PAGE } from "../../portable/vhdx/log_builder.ts";
import { BAT, LOG, MIB } from "../../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import type { Target } from "./fuzzer.ts";
import { type Base, type Patch, patch } from "./mutants.ts";

const openDamagedImage = await damagedImageOpener();

/** Of a disk that says it is huge, as many extents are looked at; and as many bytes are read. */
const MOST_EXTENTS = 1500;
const MOST_BYTES = 8 * MIB;
const PIECE = 65536;
const SECTOR = 512;

async function runImage(
  format: MarkedFormat,
  file: GuardedFile,
  random: Random,
  percentMaintained: number,
): Promise<boolean> {
  orRefusedAnyhow(() => detectFormat(file));
  const image = orRefused(() => openImage(file, format));
  if (image !== undefined) look(image);
  await orRefusedLater(() => checkFile(file, format, {}, () => {}));
  if (format === "iso") return image !== undefined;
  if (random.chance(percentMaintained)) {
    const operation = random.pick(OPERATION_NAMES);
    await maintainDamaged(format, GuardedFile.over(file), operation, random);
  } else if (random.chance(40)) write(format, GuardedFile.over(file), random);
  else if (random.chance(30)) salvage(format, file);
  return image !== undefined;
}

/** Everything that can be known of an image without changing it. */
function look(image: DiskImage): void {
  const { virtualSize, subtype } = image;
  assert(Number.isSafeInteger(virtualSize) && virtualSize >= 0, "a size that is none");
  orRefused(() => assertExtents(image, [0, Math.min(virtualSize, MOST_BYTES)]));
  orRefused(() => readSome(image));
  orRefused(() => image.is4kAligned?.());
  if (subtype !== "differencing") orRefusedAnyhow(() => smallestSafeSize([image]));
  if (image.parent !== undefined) parentCandidates("/images/child", image.parent, false);
}

function readSome(image: DiskImage): void {
  let extents = 0;
  let bytes = 0;
  for (const { kind, offset, length } of imageExtents(image, 0, image.virtualSize)) {
    if (++extents > MOST_EXTENTS || bytes > MOST_BYTES) return;
    if (kind !== "file") continue;
    const piece = new Uint8Array(Math.min(length, PIECE));
    readChain([image], piece, offset);
    bytes += piece.length;
  }
}

/** What has been written can be read, by who opens the file next. */
function write(format: "vhd" | "vhdx", file: GuardedFile, random: Random): void {
  orRefusedAnyhow(() => {
    const image = openWritableImage(file, format);
    const { virtualSize, logicalSectorSize: sector } = image;
    const offset = random.below(Math.min(2 ** 31, virtualSize / sector)) * sector;
    const bytes = pattern(Math.min(virtualSize - offset, sector * (1 + random.below(20))), 5);
    image.write(bytes, offset);
    if (random.chance(50)) image.flush();
    if (random.chance(20)) image.trim(0, Math.floor(offset / sector) * sector);
    image.finish();
    const read = new Uint8Array(bytes.length);
    readChain([openImage(file, format)], read, offset);
    assertBytesEqual(read, bytes, `what was written at ${offset}`);
  });
}

/** What is left of it is read, to the end of what is there. */
function salvage(format: "vhd" | "vhdx", file: GuardedFile): void {
  orRefusedAnyhow(() => {
    const image = openDamagedImage(file, new Damages(), format);
    if (image instanceof TolerantImage) image.loseParent();
    let extents = 0;
    for (const { kind, offset, length } of chainExtents([image], 0, image.virtualSize)) {
      if (++extents > MOST_EXTENTS) return;
      assert(length > 0 && kind !== "absent");
      if (kind !== "file") continue;
      readChain([image], new Uint8Array(Math.min(length, PIECE)), offset);
    }
  });
}

/** Refused as damage, or as what the image does not have. */
function orRefusedAnyhow(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
}

async function orRefusedLater(run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
}

const utf16 = (text: string, isLittleEndian = true) => {
  const bytes = new Uint8Array(2 * text.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < text.length; i++) {
    view.setUint16(2 * i, text.charCodeAt(i), isLittleEndian);
  }
  return bytes;
};
const ascii = (text: string) => new TextEncoder().encode(text);

/** What a path in an image may be that leads somewhere else, or nowhere. */
const PATHS = [
  "..\\..\\..\\etc\\passwd",
  "\\\\?\\C:\\x",
  "\\\\server\\share",
  "\\\\.\\nul",
  "/dev/zero",
  "\\\\?\\Volume{",
  "\0",
  "\ud800",
  ".\\child",
];

const VHD: Target = {
  name: "VHD",
  bases: () => VHD_SAMPLES.map((bytes, i) => vhdBase(`${i}`, bytes)),
  run: (file, random) => runImage("vhd", file, random, 30),
};

function vhdBase(name: string, bytes: Uint8Array<ArrayBuffer>): Base {
  const footer = Math.max(0, bytes.length - SECTOR);
  return {
    name,
    file: SparseFile.of(bytes),
    fields: [
      [0, 88],
      [footer, 88],
      [HEADER, 64],
      [HEADER, 64],
      [HEADER + 576, 72],
      [HEADER + 64, 64],
      [DYNAMIC_TABLE, 48],
      [DIFFERENCING_TABLE, 48],
      [Math.max(0, footer - 2 * PAGE - SECTOR), SECTOR],
    ],
    isLittleEndian: false,
    words: [
      ...["conectix", "cxsparse", "W2ku", "W2ru", "MacX", "qem2", "vbox"].map(ascii),
      ...PATHS.map((path) => utf16(path)),
    ],
    seal(file) {
      const sealed = file.bytes();
      sealVhd(sealed);
      for (const offset of [0, SECTOR, 2 * SECTOR, sealed.length - SECTOR]) {
        if (offset >= 0) file.writeAt(sealed.subarray(offset, offset + SECTOR), offset);
      }
    },
  };
}

const VHDX: Target = {
  name: "VHDX",
  bases: () => VHDX_SAMPLES.map((bytes, i) => vhdxBase(`${i}`, bytes)),
  run: (file, random) => runImage("vhdx", file, random, 8),
};

function vhdxBase(name: string, bytes: Uint8Array<ArrayBuffer>): Base {
  return {
    name,
    file: SparseFile.of(bytes),
    fields: VHDX_FIELDS,
    isLittleEndian: true,
    words: [
      ...["vhdxfile", "head", "regi", "metadata", "loge", "desc", "zero", "data"].map(ascii),
      ...[...PATHS, "relative_path", "absolute_win32_path", "volume_path", "parent_linkage"]
        .map((path) => utf16(path)),
    ],
    seal: sealVhdx,
    special: logChange,
  };
}

/** Another entry of the log, with what the header says of it: somewhere, and of some age. */
function logChange(file: SparseFile, random: Random): Patch[] {
  const header = new Uint8Array(PAGE);
  file.readAt(header, random.pick([0x10000, 0x20000]));
  const guid = header.subarray(48, 64);
  const position = random.pick([0, 1, 2, 3, 252, 253, 254, 255]) * PAGE;
  const changes = Array.from({ length: random.below(4) }, (): Change => {
    const offset = random.pick([BAT, BAT + PAGE, 4 * MIB, 5 * MIB, LOG, 0, 2 * MIB, 64 * MIB]);
    return random.chance(50)
      ? { offset, zeros: random.below(4) * PAGE }
      : { offset, page: pattern(PAGE, random.below(250)) };
  });
  const entry = logEntry({
    sequence: BigInt(random.below(12)),
    tail: random.pick([position, 0, PAGE, MIB - 3 * PAGE, MIB]),
    flushed: random.below(9) * MIB,
    last: random.below(9) * MIB,
    changes,
    edit: (view) => new Uint8Array(view.buffer).set(guid, 32),
  }, position);
  const whole = Math.min(entry.length, MIB - position);
  return [
    patch(LOG + position, entry.subarray(0, whole)),
    ...(whole < entry.length ? [patch(LOG, entry.subarray(whole))] : []),
  ];
}

const UDF_SECTORS = [32, 33, 34, 48, 49, 50, 256];

const ISO: Target = {
  name: "ISO",
  bases: () => [["bridge", bridgeImage()] as const, ["udf", udfImage()] as const].map(isoBase),
  run: (file, random) => runImage("iso", file, random, 0),
};

function isoBase([name, { bytes }]: readonly [string, IsoBuilder]): Base {
  const sectors = [...[16, 17, 18, 19, 20, 21], ...UDF_SECTORS];
  return {
    name,
    file: SparseFile.of(bytes),
    fields: sectors.map((sector) => [sector * ISO_SECTOR, 256] as const),
    isLittleEndian: true,
    words: ["CD001", "BEA01", "NSR02", "NSR03", "TEA01", "*OSTA UDF Compliant"].map(ascii),
    seal(file, isChanged) {
      for (const sector of UDF_SECTORS) {
        if (isChanged(sector * ISO_SECTOR, ISO_SECTOR)) sealDescriptor(file, sector);
      }
    },
  };
}

function sealDescriptor(file: SparseFile, sector: number): void {
  const descriptor = new Uint8Array(ISO_SECTOR);
  file.readAt(descriptor, sector * ISO_SECTOR);
  const builder = new IsoBuilder(sector + 1);
  builder.bytes.set(descriptor, sector * ISO_SECTOR);
  builder.tag(sector, descriptor[0]! | descriptor[1]! << 8);
  const sealed = builder.bytes.subarray(sector * ISO_SECTOR, sector * ISO_SECTOR + 16);
  if (file.size >= (sector + 1) * ISO_SECTOR) file.writeAt(sealed, sector * ISO_SECTOR);
}

/** The formats. */
export const IMAGE_TARGETS: readonly Target[] = [VHD, VHDX, ISO];
