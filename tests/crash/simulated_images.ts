/** Small images for simulated folders, and opening them there. */
import { openVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import type { ImageSpec, ParentSpec } from "../../src/portable/image/image.ts";
import { Random } from "../fuzz/random.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { type Format, randomSteps, runSteps } from "./scenario.ts";
import type { Files, SimulatedFolder } from "./simulated_folder.ts";
import type { SparseFile } from "./sparse_file.ts";
import { SECTOR, stamped } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";
import { contentsOf } from "../images.ts";

const K4 = 4096;
const SEED = 53;
const VERSION = 5;
/** Of disks with a GPT, in sectors: where the first partition begins, where the second one ends. */
export const PARTITIONS = { first: 40, end: 360 } as const;

/** A format, and how small its images are made. */
export interface Kind {
  readonly type: "vhd" | "vhdx";
  readonly format: Format;
  readonly virtualSize: number;
  readonly blockSize: number;
  readonly create: (spec: Partial<ImageSpec>) => SparseFile;
}

export const KINDS: readonly Kind[] = [
  {
    type: "vhd",
    format: VHD,
    virtualSize: 10 * K4,
    blockSize: K4,
    create: (spec) => newImage(createVhdIn, vhdSpec(spec)),
  },
  {
    type: "vhdx",
    format: VHDX,
    virtualSize: 2 * MIB,
    blockSize: MIB,
    create: (spec) => newImage(createVhdxIn, vhdxSpec(spec)),
  },
];

/** A chain of images with random contents: `0.vhd` is the base, the last one the leaf. */
export function chainFiles(kind: Kind, length: number): Map<string, SparseFile> {
  const { type, format, virtualSize, blockSize, create } = kind;
  const files = new Map<string, SparseFile>();
  let parent: ParentSpec | undefined;
  for (let depth = 0; depth < length; depth++) {
    const identifier = `aaaaaaaa-0000-0000-0000-00000000000${depth}`;
    const subtype = parent === undefined ? "dynamic" : "differencing";
    const file = create({ subtype, parent, virtualSize, blockSize, identifier });
    const steps = randomSteps(new Random(SEED + depth), 8, {
      sectors: virtualSize / SECTOR,
      blockSectors: blockSize / SECTOR,
    }).filter(([kind]) => kind !== "reopen");
    runSteps(format, file, steps, 100 + 1000 * depth, {});
    files.set(`${depth}.${type}`, file);
    parent = {
      identifier: format.open(file).identifier!,
      relativePath: `.\\${depth}.${type}`,
      absolutePath: undefined,
    };
  }
  return files;
}

/** A disk with a GPT of two partitions, data at their ends, and nothing behind them. */
export function partitioned(size: number): MemoryDisk {
  const { first, end } = PARTITIONS;
  const disk = new MemoryDisk(size / SECTOR);
  disk.gpt([first, 199], [210, end - 1]);
  for (const [start, count] of [[first, 30], [150, 50], [210, 3], [end - 40, 40]] as const) {
    disk.bytes.set(stamped(start, count, VERSION), start * SECTOR);
  }
  return disk;
}

/** The only file of a folder: an image of that disk. */
export function partitionedFile(
  { type, format, create }: Kind,
  spec: Partial<ImageSpec>,
  { bytes }: MemoryDisk,
): Files {
  const file = create({ ...spec, virtualSize: bytes.length });
  const image = format.openWritable(file);
  for (let offset = 0; offset < bytes.length; offset += K4) {
    const piece = bytes.subarray(offset, offset + K4);
    if (piece.some((byte) => byte !== 0)) image.write(piece, offset);
  }
  image.finish();
  return new Map([[`disk.${type}`, file]]);
}

/** Opens an image of a folder. */
export function openIn(
  folder: SimulatedFolder,
  name: string,
  readOnly: boolean,
): Promise<PortableVirtualDisk> {
  const type = name.endsWith(".raw") ? { type: "raw" } as const : {};
  return openVirtualDisk(folder.file(name), { ...type, readOnly, backend: "portable" });
}

/** What the disk of an image holds. */
export async function readIn(
  folder: SimulatedFolder,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  using disk = await openIn(folder, name, true);
  return contentsOf(disk);
}
