/** The kinds of images on which short histories happen. */
import type { WritableSource } from "../../../src/portable/file/byte_source.ts";
import type { Merging } from "../../../src/portable/image/format.ts";
import type { ImageSpec, ParentSpec } from "../../../src/portable/image/image.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { compactVhd } from "../../../src/portable/vhd/compact.ts";
import { mergeVhd } from "../../../src/portable/vhd/merge.ts";
import { resizeVhd } from "../../../src/portable/vhd/resize.ts";
import { compactVhdx } from "../../../src/portable/vhdx/compact.ts";
import { mergeVhdx } from "../../../src/portable/vhdx/merge.ts";
import { resizeVhdx } from "../../../src/portable/vhdx/resize.ts";
import { createVhdIn, createVhdxIn, newImage } from "../../crash/formats.ts";
import { type Format, runSteps, type Step } from "../../crash/scenario.ts";
import type { SparseFile } from "../../crash/sparse_file.ts";
import { SECTOR } from "../../crash/stamp.ts";
import { VHD } from "../../crash/vhd_scenarios.ts";
import { VHDX } from "../../crash/vhdx_scenarios.ts";
import { vhdSpec } from "../../portable/vhd/vhd_builder.ts";
import { MIB, vhdxSpec } from "../../portable/vhdx/vhdx_builder.ts";
import { pattern } from "../../support.ts";

/** A kind of image, and what changes its files. */
export interface HistoryKind {
  readonly name: string;
  readonly format: Format;
  /** Bytes. */
  readonly blockSize: number;
  /** The chain at the start, the leaf first. */
  start(): SparseFile[];
  /** A new image. */
  create(spec: Partial<ImageSpec>): SparseFile;
  resize(file: WritableSource, size: number, parentSize: number): void;
  compact(file: WritableSource, parents: readonly SparseFile[]): Promise<unknown>;
  merge(merging: Merging): Promise<void>;
  /** What the operation on metadata does the n-th time. */
  metadata(n: number): Step;
}

/** What is written before a history has this version. */
const BASE_VERSION = 50_000;
const K4 = 4096;
const ITEM = "aaaaaaaa-0000-0000-0000-000000000001";

const VHD_TOOLS = {
  format: VHD,
  blockSize: K4,
  create: (spec: Partial<ImageSpec>) => newImage(createVhdIn, vhdSpec(spec)),
  resize: (file: WritableSource, size: number) => resizeVhd(file, size),
  compact: (file: WritableSource, parents: readonly SparseFile[]) =>
    compactVhd(file, compaction(VHD, parents)),
  merge: mergeVhd,
  metadata: (n: number): Step => ["uniqueId", `99abcdef-0123-4567-89ab-cdef0123456${n}`],
};

const VHDX_TOOLS = {
  format: VHDX,
  blockSize: MIB,
  create: (spec: Partial<ImageSpec>) => newImage(createVhdxIn, vhdxSpec(spec)),
  resize: (file: WritableSource, virtualSize: number, parentSize: number) =>
    resizeVhdx(file, { virtualSize, parentSize }),
  compact: (file: WritableSource, parents: readonly SparseFile[]) =>
    compactVhdx(file, compaction(VHDX, parents)),
  merge: mergeVhdx,
  metadata: (n: number): Step => ["setItem", ITEM, pattern(100 + 3000 * n, n)],
};

function compaction(format: Format, parents: readonly SparseFile[]) {
  return {
    parents: parents.map((file) => format.open(file)),
    zeroScan: true,
    blockMoves: true,
    pace: new Pace({}),
  };
}

/** The kinds. Their disks are as small as can be, if whatever follows two shrinkings is to be inside of them. */
export const HISTORY_KINDS: readonly HistoryKind[] =
  ([["VHD", VHD_TOOLS, 5 * K4 + 2048], ["VHDX", VHDX_TOOLS, 4 * MIB + K4]] as const)
    .flatMap(([format, tools, virtualSize]) => {
      const { blockSize, create } = tools;
      const size = { virtualSize, blockSize };
      const fixed = {
        subtype: "fixed",
        virtualSize,
        blockSize: format === "VHD" ? 0 : MIB,
      } as const;
      const dynamic = { ...size, subtype: "dynamic" } as const;
      return [
        { ...tools, name: `${format}, fixed`, start: () => [create(fixed)] },
        { ...tools, name: `${format}, dynamic`, start: () => [create(dynamic)] },
        {
          ...tools,
          name: `${format}, differencing`,
          start: () => {
            const base = create(dynamic);
            const sectors = blockSize / SECTOR;
            runSteps(tools.format, base, [["write", 0, 2 * sectors + 3]], BASE_VERSION, {});
            return [childOf(tools, base, 0), base];
          },
        },
      ];
    });

/** A child of the n-th generation. */
export function childOf(
  { format, blockSize, create }: Pick<HistoryKind, "format" | "blockSize" | "create">,
  below: SparseFile,
  n: number,
): SparseFile {
  const { identifier, virtualSize } = format.open(below);
  const parent = linkTo(identifier!, n);
  return create({ subtype: "differencing", virtualSize, blockSize, parent, identifier: guid(n) });
}

/** The identifier of that child. */
export const guid = (n: number) => `bbbbbbbb-0000-0000-0000-00000000000${n}`;

/** What a child says of its parent. */
export const linkTo = (identifier: string, n: number): ParentSpec => (
  { identifier, relativePath: `.\\parent${n}`, absolutePath: undefined }
);
