/** The images in which bits are flipped: one of each kind, with what is known of them. */
import type { TempDir } from "../../support.ts";
import { type Field, ownSubjects, subject } from "../../fuzz/damaged_fields.ts";
import { Random } from "../../fuzz/random.ts";
import { createImage } from "../../create_image.ts";
import { openImage, openImageSync } from "../../images.ts";
import { bridgeImage, SECTOR as ISO_SECTOR } from "../../portable/iso/iso_builder.ts";
import type { ReadImage } from "../readers/readers.ts";
import { BAT, MIB } from "../../portable/vhdx/vhdx_builder.ts";

const SEED = 2026;
/** Whole 4 KiB: libvhdi takes what follows a written sector for written, up to there. */
const OWN_SECTORS = [8, 48] as const;
const SECTOR = 512;

/** An image. */
export interface FlipSubject extends ReadImage {
  /** As a reader of the table knows it. */
  readonly name: string;
  /** The file, sound. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The disk. */
  readonly contents: Uint8Array<ArrayBuffer>;
  /** Where the file holds data of the disk. */
  readonly data: readonly Piece[];
  /** The fields that no checksum covers. */
  readonly fields: readonly Field[];
}

/** Where the disk's bytes are in the file. */
export interface Piece {
  readonly fileOffset: number;
  /** In the disk. */
  readonly offset: number;
  readonly length: number;
}

const NAMES: Readonly<Record<string, string>> = {
  "fixed.vhd": "VHD, fixed",
  "dynamic.vhd": "VHD, dynamic",
  "differencing.vhd": "VHD, differencing",
  "dynamic.vhdx": "VHDX, dynamic",
  "differencing.vhdx": "VHDX, differencing",
};

/** Makes the images. */
export async function flipSubjects(dir: TempDir): Promise<FlipSubject[]> {
  const random = new Random(SEED);
  const made = await ownSubjects(dir, random, OWN_SECTORS);
  const subjects = Object.entries(NAMES).map(([file, name]): FlipSubject => {
    const found = made.find((each) => each.name === file)!;
    return { ...found, name, hasLog: false, data: dataOf(found.path) };
  });
  return [...subjects, await withLog(dir, random), iso(dir)];
}

/** A child as {@linkcode flipSubjects} makes it, but that of 4 KiB it has less of its own. */
export async function childOfSectors(
  dir: TempDir,
): Promise<ReadImage & Pick<FlipSubject, "contents">> {
  const made = await ownSubjects(dir, new Random(SEED), [10, 50]);
  return { ...made.find(({ name }) => name === "differencing.vhd")!, hasLog: false };
}

function dataOf(path: string): Piece[] {
  using disk = openImageSync(path);
  return [...disk.extents()].flatMap((extent) => extent.kind === "file" ? [extent] : []);
}

/**
 * What a crash leaves between two writes: the log has what the tables do not have yet. It is the file as it is
 * before it is closed, with the tables of before.
 */
async function withLog(dir: TempDir, random: Random): Promise<FlipSubject> {
  const made = dir.file("before.vhdx");
  const size = 6 * MIB;
  const contents = new Uint8Array(size);
  const write = (disk: Awaited<ReturnType<typeof openImage>>, offset: number) => {
    const bytes = new Uint8Array(60 * SECTOR);
    for (let i = 0; i < bytes.length; i++) bytes[i] = 1 + random.below(255);
    disk.writeSync(bytes, offset);
    disk.flushSync();
    contents.set(bytes, offset);
  };
  {
    using disk = await createImage(made, { size, blockSize: MIB });
    write(disk, 10 * SECTOR);
  }
  const before = Deno.readFileSync(made);
  let bytes: Uint8Array<ArrayBuffer>;
  {
    using disk = await openImage(made);
    for (const block of [2, 4, 5]) write(disk, block * MIB + 20 * SECTOR);
    bytes = Deno.readFileSync(made);
  }
  bytes.set(before.subarray(BAT, BAT + MIB), BAT);
  const path = dir.file("log.vhdx");
  Deno.writeFileSync(path, bytes);
  const { fields } = subject({ format: "vhdx", path, contents });
  return {
    name: "VHDX, log to be replayed",
    format: "vhdx",
    path,
    parent: undefined,
    hasLog: true,
    bytes,
    contents,
    data: dataOf(path),
    fields,
  };
}

/** Its disk is its file: what lies behind the descriptors is taken for data. */
function iso(dir: TempDir): FlipSubject {
  const path = dir.file("bridge.iso");
  const { bytes } = bridgeImage();
  const contents = new Uint8Array(bytes);
  Deno.writeFileSync(path, contents);
  const start = 257 * ISO_SECTOR;
  return {
    name: "ISO 9660, Joliet and UDF",
    format: "iso",
    path,
    parent: undefined,
    hasLog: false,
    bytes: contents,
    contents,
    data: [{ fileOffset: start, offset: start, length: contents.length - start }],
    fields: [],
  };
}
