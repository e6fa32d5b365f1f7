/**
 * Images with known contents, and damage to those of their fields that no checksum covers: block tables, sector
 * bitmaps, the metadata of VHDX, the parent's paths; and the footer of a fixed VHD, which has one but no copy.
 */
import { openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { Buffer } from "node:buffer";
import { createImage } from "../create_image.ts";
import type { TempDir } from "../support.ts";
import type { Random } from "./random.ts";

const MIB = 2 ** 20;
const SECTOR = 512;

/** What a field is. */
export type FieldKind = "entry" | "bitmap" | "size" | "parameters" | "locator" | "footer";

/** A field that is damaged. */
export interface Field {
  readonly kind: FieldKind;
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

/** Bytes to be written over those of a file. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Damage to a field. */
export interface Damage {
  readonly field: Field;
  readonly how: string;
  readonly patches: readonly Patch[];
}

/** An image that is damaged. */
export interface Subject {
  readonly name: string;
  readonly format: "vhd" | "vhdx";
  readonly path: string;
  /** Of a differencing image. */
  readonly parent: string | undefined;
  /** The file, sound. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The disk. */
  readonly contents: Uint8Array<ArrayBuffer>;
  readonly fields: readonly Field[];
}

/** Bytes that are nowhere else, and not zero. */
function noise(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = 1 + random.below(255);
  return bytes;
}

/**
 * Makes the images that this project writes.
 *
 * @param own Which sectors of every one and a half blocks a child has of its own: the first, and how many.
 */
export async function ownSubjects(
  dir: TempDir,
  random: Random,
  own: readonly [first: number, count: number] = [10, 50],
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const type of ["vhd", "vhdx"] as const) {
    const blockSize = type === "vhd" ? 512 * 1024 : MIB;
    const size = type === "vhd" ? 6 * MIB : 12 * MIB;
    const base = dir.file(`dynamic.${type}`);
    const contents = new Uint8Array(size);
    {
      using disk = await createImage(base, { size, blockSize });
      for (let block = 0; block < size / blockSize; block++) {
        if (block % 4 === 3) continue;
        const length = block % 3 === 0 ? blockSize : 40 * SECTOR;
        const offset = block * blockSize + (block % 3 === 0 ? 0 : 30 * SECTOR);
        const bytes = noise(random, length);
        disk.writeSync(bytes, offset);
        contents.set(bytes, offset);
      }
    }
    subjects.push(subject({ format: type, path: base, contents }));
    const child = dir.file(`differencing.${type}`);
    const changed = contents.slice();
    {
      using disk = await createImage(child, { parent: base });
      for (let offset = own[0] * SECTOR; offset < size; offset += 3 * blockSize / 2) {
        const bytes = noise(random, own[1] * SECTOR);
        disk.writeSync(bytes, offset);
        changed.set(bytes, offset);
      }
    }
    subjects.push(subject({ format: type, path: child, parent: base, contents: changed }));
  }
  const path = dir.file("fixed.vhd");
  const contents = noise(random, 3 * MIB);
  {
    using disk = await createImage(path, { size: contents.length, subtype: "fixed" });
    disk.writeSync(contents, 0);
  }
  subjects.push(subject({ format: "vhd", path, contents }));
  return subjects;
}

/** An image that is there, and what is known of it. */
export function subject(
  { format, path, parent, contents }: Pick<Subject, "format" | "path" | "contents"> & {
    readonly parent?: string;
  },
): Subject {
  const bytes = Deno.readFileSync(path);
  const fields = format === "vhd" ? vhdFields(bytes) : vhdxFields(bytes);
  const name = path.replace(/.*[\\/]/, "");
  return { name, format, path, parent, bytes, contents, fields };
}

/** The disk type in its footer. */
const FIXED = 2;

function vhdFields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const footer = bytes.length - SECTOR;
  if (view.getUint32(footer + 60) === FIXED) {
    return [{ kind: "footer", offset: footer, length: SECTOR }];
  }
  const { table, count, blockSize } = vhdTable(view);
  const fields: Field[] = [];
  for (let i = 0; i < count; i++) {
    const entry = view.getUint32(table + 4 * i);
    fields.push({ kind: "entry", offset: table + 4 * i, length: 4 });
    if (entry === 0xffffffff) continue;
    fields.push({ kind: "bitmap", offset: entry * SECTOR, length: blockSize / SECTOR / 8 });
  }
  for (let slot = 0; slot < 8; slot++) {
    const at = 512 + 576 + 24 * slot;
    const length = view.getUint32(at + 8);
    if (view.getUint32(at) === 0 || length === 0) continue;
    fields.push({ kind: "locator", offset: Number(view.getBigUint64(at + 16)), length });
  }
  return fields;
}

function vhdTable(view: DataView): { table: number; count: number; blockSize: number } {
  return {
    table: Number(view.getBigUint64(512 + 16)),
    count: view.getUint32(512 + 28),
    blockSize: view.getUint32(512 + 32),
  };
}

const BAT_REGION = 0x2dc27766;
const FILE_PARAMETERS = 0xcaa16737;
const VIRTUAL_SIZE = 0x2fa54224;
const SECTOR_SIZES = [0x8141bf1d, 0xcda348c7];
const LOCATOR = 0xa8d35f2d;

function vhdxFields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { metadata, entries, size } = vhdxTable(view);
  const fields: Field[] = [];
  for (const { at, id, offset, length } of metadata) {
    fields.push({ kind: "parameters", offset: at, length: 32 });
    if (id === VIRTUAL_SIZE) fields.push({ kind: "size", offset, length });
    if (id === FILE_PARAMETERS || SECTOR_SIZES.includes(id)) {
      fields.push({ kind: "parameters", offset, length });
    }
    if (id === LOCATOR) fields.push({ kind: "locator", offset, length });
  }
  for (const { at, isBitmap } of entries) {
    fields.push({ kind: "entry", offset: at, length: 8 });
    const entry = view.getBigUint64(at, true);
    if (!isBitmap || entry === 0n) continue;
    fields.push({ kind: "bitmap", offset: Number(entry >> 20n) * MIB, length: size / SECTOR / 8 });
  }
  return fields;
}

interface Item {
  /** Of its entry in the table. */
  readonly at: number;
  /** The first part of its GUID. */
  readonly id: number;
  readonly offset: number;
  readonly length: number;
}

function vhdxTable(view: DataView): {
  metadata: Item[];
  size: number;
  entries: { at: number; isBitmap: boolean; blockSize: number }[];
} {
  const offsetAt = (at: number) => Number(view.getBigUint64(at, true));
  const [first, second] = [0x30010, 0x30030];
  const isFirst = view.getUint32(first, true) === BAT_REGION;
  const bat = offsetAt((isFirst ? first : second) + 16);
  const region = offsetAt((isFirst ? second : first) + 16);
  const metadata = Array.from({ length: view.getUint16(region + 10, true) }, (_, i): Item => {
    const at = region + 32 + 32 * i;
    return {
      at,
      id: view.getUint32(at, true),
      offset: region + view.getUint32(at + 16, true),
      length: view.getUint32(at + 20, true),
    };
  });
  const itemOffset = (id: number) => metadata.find((item) => item.id === id)!.offset;
  const blockSize = view.getUint32(itemOffset(FILE_PARAMETERS), true);
  const size = offsetAt(itemOffset(VIRTUAL_SIZE));
  const ratio = 2 ** 23 * SECTOR / blockSize;
  const entries = [...Array(Math.ceil(size / blockSize)).keys(), ratio].map((index) => (
    { at: bat + 8 * index, isBitmap: index === ratio, blockSize }
  ));
  return { metadata, size, entries };
}

/** Damages one field. */
export function damageOf({ bytes, fields, format }: Subject, random: Random): Damage {
  const kind = random.pick(["entry", "entry", "entry", "bitmap", "size", "parameters", "locator"]);
  const ofKind = fields.filter((field) => field.kind === kind);
  const field = random.pick(ofKind.length > 0 ? ofKind : fields);
  const { offset, length } = field;
  const old = bytes.slice(offset, offset + length);
  const patch = (how: string, changed: Uint8Array): Damage => (
    { field, how, patches: [{ offset, bytes: changed }] }
  );
  const at = random.below(length);
  const edited = (edit: (copy: Uint8Array) => void) => {
    const copy = old.slice();
    edit(copy);
    return copy;
  };
  const general = [
    () => patch("a bit", edited((copy) => copy[at]! ^= 1 << random.below(8))),
    () => patch("a byte", edited((copy) => copy[at] = random.below(256))),
    () => patch("zeros", new Uint8Array(length)),
    () => patch("ones", new Uint8Array(length).fill(0xff)),
  ];
  if (field.kind === "bitmap") {
    const end = Math.min(length, at + 1 + random.below(64));
    return random.pick([
      ...general,
      () => patch("a run of zeros", edited((copy) => copy.fill(0, at, end))),
      () => patch("a run of ones", edited((copy) => copy.fill(0xff, at, end))),
      () => patch("noise", noise(random, length)),
    ])();
  }
  if (field.kind !== "entry") return random.pick(general)();
  const other = random.pick(fields.filter((each) => each.kind === "entry" && each !== field));
  const others = bytes.slice(other.offset, other.offset + other.length);
  return random.pick([
    ...general,
    () => patch("another entry", others),
    () => patch("a place in the file", placed(old, random.below(bytes.length), format)),
    () => patch("one more", placed(old, placeOf(old, format) + unitOf(format), format)),
    () => patch("one less", placed(old, placeOf(old, format) - unitOf(format), format)),
    () => ({
      field,
      how: "another entry, which gets this one",
      patches: [{ offset, bytes: others }, { offset: other.offset, bytes: old }],
    }),
  ])();
}

const unitOf = (format: Subject["format"]) => format === "vhd" ? SECTOR : MIB;

function placeOf(entry: Uint8Array, format: Subject["format"]): number {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.length);
  return format === "vhd"
    ? view.getUint32(0) * SECTOR
    : Number(view.getBigUint64(0, true) >> 20n) * MIB;
}

/** The entry with another place. */
function placed(entry: Uint8Array, offset: number, format: Subject["format"]): Uint8Array {
  const copy = entry.slice();
  const view = new DataView(copy.buffer);
  const place = Math.max(0, Math.floor(offset / unitOf(format)));
  if (format === "vhd") view.setUint32(0, place);
  else view.setBigUint64(0, (BigInt(place) << 20n) | BigInt(entry[0]! & 7), true);
  return copy;
}

/** What comes of damage: the disk as it was, another, or a refusal. */
export type Outcome = "refused" | "same" | "wrong";

/** Reads the image of a subject as it is in its file. */
export function readHere({ path, contents }: Subject): Outcome {
  try {
    using disk = openVirtualDiskSync(path, { backend: "portable" });
    const { virtualSize } = disk.getInformation("size");
    if (virtualSize !== contents.length) return "wrong";
    const bytes = new Uint8Array(virtualSize);
    for (let at = 0; at < bytes.length; at += MIB) disk.readSync(bytes.subarray(at, at + MIB), at);
    return Buffer.compare(bytes, contents) === 0 ? "same" : "wrong";
  } catch (error) {
    if (error instanceof VirtualDiskError) return "refused";
    throw error;
  }
}

/** Whether damage changes anything. */
export function isEffective({ bytes }: Subject, { patches }: Damage): boolean {
  return patches.some((patch) =>
    Buffer.compare(patch.bytes, bytes.subarray(patch.offset, patch.offset + patch.bytes.length)) !==
      0
  );
}

/** Damages the file; gives what undoes that. */
export function patchFile(
  { path, bytes }: Pick<Subject, "path" | "bytes">,
  patches: readonly Patch[],
): () => void {
  const write = (of: (patch: Patch) => Uint8Array) => {
    using file = Deno.openSync(path, { write: true });
    for (const patch of patches) {
      file.seekSync(patch.offset, Deno.SeekMode.Start);
      file.writeSync(of(patch));
    }
  };
  write((patch) => patch.bytes);
  return () => write((patch) => bytes.subarray(patch.offset, patch.offset + patch.bytes.length));
}

/** An entry of a block table. */
export interface TableEntry {
  readonly at: number;
  /** Where its block begins in the file, if it has one. */
  readonly place: number | undefined;
  /** Bytes of the block in the file. */
  readonly length: number;
}

/** The entries of an image's table. */
export function tableOf(bytes: Uint8Array<ArrayBuffer>, format: Subject["format"]): TableEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (format === "vhd") {
    const { table, count, blockSize } = vhdTable(view);
    return Array.from({ length: count }, (_, i): TableEntry => {
      const at = table + 4 * i;
      const entry = view.getUint32(at);
      const place = entry === 0xffffffff ? undefined : entry * SECTOR;
      return { at, place, length: blockSize + Math.ceil(blockSize / SECTOR / 8 / SECTOR) * SECTOR };
    });
  }
  return vhdxTable(view).entries.map(({ at, isBitmap, blockSize }) => {
    const entry = view.getBigUint64(at, true);
    const hasPlace = [6n, 7n].includes(entry & 7n);
    return {
      at,
      place: hasPlace ? Number(entry >> 20n) * MIB : undefined,
      length: isBitmap ? MIB : blockSize,
    };
  });
}
