/** Images that can be made smaller, and what compacts them. */
import { assertEquals } from "@std/assert";
import type { ByteSource, WritableSource } from "../../src/portable/file/byte_source.ts";
import { type DiskImage, imageExtents, type ImageSpec } from "../../src/portable/image/image.ts";
import type { Compaction, CompactionOutcome } from "../../src/portable/image/format.ts";
import { Pace } from "../../src/portable/image/pace.ts";
import { compactVhd } from "../../src/portable/vhd/compact.ts";
import { compactVhdx } from "../../src/portable/vhdx/compact.ts";
import { resizeVhdx } from "../../src/portable/vhdx/resize.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { raise } from "../portable/vhdx/raised.ts";
import { MIB, vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { createVhdIn, createVhdxIn, newImage } from "./formats.ts";
import { type Format, runSteps, type Step } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";
import { PARENT, readStamps, SECTOR, stamped, ZEROS } from "./stamp.ts";
import { VHD } from "./vhd_scenarios.ts";
import { VHDX } from "./vhdx_scenarios.ts";

const K4 = 4096;

/** What is compacted. */
export interface Case {
  readonly title: string;
  readonly format: Format;
  readonly compact: (file: WritableSource, job: Compaction) => Promise<CompactionOutcome>;
  readonly base: () => SparseFile;
  /** Random subsets of the unflushed changes for each crash point. */
  readonly samples: number;
  /** Of a differencing image: stamped throughout. */
  readonly parent?: SparseFile;
}

/** Every block written, then every third zeroed, trimmed, or given what the parent has. */
function used(format: Format, file: SparseFile, blockSectors: number): SparseFile {
  const sectors = format.open(file).virtualSize / SECTOR;
  const writes: Step[] = [];
  for (let first = 0; first < sectors; first += blockSectors) {
    const count = Math.min(blockSectors - 2, sectors - first - 1, 100);
    writes.push(["write", first + 1, count]);
  }
  runSteps(format, file, [...writes.slice(0, 2), ["write", 0, blockSectors]], 100, {});
  runSteps(format, file, writes.toReversed(), 200, {});
  runSteps(format, file, [["trim", 4 * blockSectors, blockSectors]], 300, {});
  const image = format.openWritable(file);
  const fill = (block: number, version: number) =>
    image.write(
      stamped(block * blockSectors, blockSectors, version),
      block * blockSectors * SECTOR,
    );
  fill(1, ZEROS);
  fill(2, PARENT);
  for (let block = 6; (block + 1) * blockSectors <= sectors; block += 3) {
    fill(block, block % 2 === 0 ? ZEROS : PARENT);
  }
  image.finish();
  return file;
}

function vhd(spec: Partial<ImageSpec>): Case {
  const options = { blockSize: K4, ...spec };
  return {
    title: `compacting a ${spec.subtype} VHD of ${spec.virtualSize} bytes`,
    format: VHD,
    compact: compactVhd,
    samples: 30,
    base: () => used(VHD, newImage(createVhdIn, vhdSpec(options)), options.blockSize / SECTOR),
    ...(spec.subtype === "differencing" && {
      parent: parentOf(VHD, newImage(createVhdIn, vhdSpec({ ...options, subtype: "dynamic" }))),
    }),
  };
}

function vhdx(spec: Partial<ImageSpec>): Case {
  const options = { blockSize: MIB, ...spec };
  return {
    title: `compacting a ${spec.subtype} VHDX of ${spec.virtualSize} bytes`,
    format: VHDX,
    compact: compactVhdx,
    samples: 3,
    base: () => used(VHDX, newImage(createVhdxIn, vhdxSpec(options)), options.blockSize / SECTOR),
    ...(spec.subtype === "differencing" && {
      parent: parentOf(VHDX, newImage(createVhdxIn, vhdxSpec({ ...options, subtype: "dynamic" }))),
    }),
  };
}

function parentOf(format: Format, file: SparseFile): SparseFile {
  const image = format.openWritable(file);
  for (let offset = 0; offset < image.virtualSize; offset += MIB) {
    const count = Math.min(MIB, image.virtualSize - offset) / SECTOR;
    image.write(stamped(offset / SECTOR, count, PARENT), offset);
  }
  image.finish();
  return file;
}

export const CASES: readonly Case[] = [
  vhd({ subtype: "dynamic", virtualSize: 30 * K4 }),
  vhd({ subtype: "dynamic", virtualSize: 20 * K4 + 2048 }),
  vhd({ subtype: "differencing", virtualSize: 30 * K4 }),
  vhdx({ subtype: "dynamic", virtualSize: 9 * MIB }),
  vhdx({ subtype: "differencing", virtualSize: 8 * MIB + K4 * 9 }),
  {
    ...vhdx({ subtype: "dynamic", virtualSize: 8 * MIB }),
    title: "compacting a VHDX whose table lies behind its blocks",
    base: () => {
      const file = used(VHDX, newImage(createVhdxIn, vhdxSpec()), MIB / SECTOR);
      // A longer table needs another place, which is left where it is when the disk shrinks.
      resizeVhdx(file, { virtualSize: 150_000 * MIB, parentSize: 0 });
      resizeVhdx(file, { virtualSize: 8 * MIB, parentSize: 0 });
      return file;
    },
  },
  {
    ...vhdx({ subtype: "dynamic", virtualSize: 8 * MIB }),
    title: "compacting a VHDX whose log lies behind its blocks",
    base: () => {
      const file = used(VHDX, newImage(createVhdxIn, vhdxSpec()), MIB / SECTOR);
      raise(file, ["log"]);
      return file;
    },
  },
  {
    ...vhdx({ subtype: "differencing", virtualSize: 8 * MIB }),
    title: "compacting a VHDX whose blocks lie before everything else",
    samples: 1,
    base: () => {
      const spec = vhdxSpec({ subtype: "differencing" });
      const file = used(VHDX, newImage(createVhdxIn, spec), MIB / SECTOR);
      raise(file, ["log", "table", "metadata"], MIB);
      return file;
    },
  },
];

/** Compacts. */
export function compact(
  { format, compact, parent }: Case,
  file: WritableSource,
  options: Partial<Compaction> = {},
): Promise<CompactionOutcome> {
  return compact(file, {
    parents: parent === undefined ? [] : [format.open(parent)],
    zeroScan: true,
    blockMoves: true,
    pace: new Pace({}),
    ...options,
  });
}

/** As the user of the disk sees it: a parent is stamped throughout. */
export function versionsOf({ format }: Case, file: ByteSource): Uint32Array {
  const image: DiskImage = format.open(file);
  const versions = new Uint32Array(image.virtualSize / SECTOR);
  for (const extent of imageExtents(image, 0, image.virtualSize)) {
    const first = extent.offset / SECTOR;
    if (extent.kind === "parent") versions.fill(PARENT, first, first + extent.length / SECTOR);
    if (extent.kind !== "file") continue;
    const bytes = new Uint8Array(extent.length);
    assertEquals(image.source.readAt(bytes, extent.fileOffset), bytes.length);
    readStamps(bytes, first, versions);
  }
  return versions;
}
