/** What is done to damaged images to maintain them, and what must hold of each. */
import { assert, assertEquals } from "@std/assert";
import { checkFile } from "../../src/portable/operations/check.ts";
import { DryRunFile } from "../../src/portable/file/dry_run_file.ts";
import { formatNamed, openImage, openWritableImage } from "../../src/portable/formats.ts";
import type { DiskImage } from "../../src/portable/image/image.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { Pace } from "../../src/portable/image/pace.ts";
import { compactVhd } from "../../src/portable/vhd/compact.ts";
import { mergeVhd } from "../../src/portable/vhd/merge.ts";
import { compactVhdx } from "../../src/portable/vhdx/compact.ts";
import { mergeVhdx } from "../../src/portable/vhdx/merge.ts";
import { SparseFile } from "../crash/sparse_file.ts";
import { readImage } from "../portable/image/read_image.ts";
import { newVhd } from "../portable/vhd/vhd_builder.ts";
import { VhdxBuilder } from "../portable/vhdx/vhdx_builder.ts";
import { assertBytesEqual, pattern } from "../support.ts";
import { GuardedFile } from "./guarded_file.ts";
import type { Random } from "./random.ts";

const FORMATS = {
  vhd: {
    parent: newVhd({ subtype: "fixed", virtualSize: 10 * 4096 }),
    compact: compactVhd,
    merge: mergeVhd,
    /** Bytes that are compared at once, and how far. */
    piece: 512,
    compared: 2 ** 17,
  },
  vhdx: {
    parent: new VhdxBuilder().bytes,
    compact: compactVhdx,
    merge: mergeVhdx,
    piece: 2 ** 16,
    compared: 2 ** 23,
  },
} as const;

/** A format whose images can be maintained. */
export type MaintainedFormat = keyof typeof FORMATS;

const MAX_DISK_SIZE = 2 ** 42;
const SECTOR = 512;
/** What is read where a child has nothing of its own. */
const PARENT = openImage(SparseFile.of(pattern(10 * 4096, 3)), "raw");

/** What is maintained. */
interface Subject {
  readonly format: MaintainedFormat;
  readonly file: GuardedFile;
  readonly parents: readonly DiskImage[];
  readonly random: Random;
}

const pace = () => new Pace({});

const OPERATIONS: Readonly<Record<string, (subject: Subject) => unknown>> = {
  "open and close": ({ file, format }) => openWritableImage(file, format).finish(),
  "check": ({ file, format }) => checkFile(file, format, {}, () => {}),
  "repair": async ({ file, format }) => {
    const { findings } = await checkFile(file, format, { repair: true }, () => {});
    for (const { repairable, repaired, structure } of findings) {
      assert(repaired || !repairable, `${structure} was to be repaired`);
    }
  },
  "compact": async ({ file, format, parents, random }) => {
    openWritableImage(file, format).finish();
    const job = { zeroScan: random.chance(70), blockMoves: random.chance(80), pace: pace() };
    const { compact } = FORMATS[format];
    const foreseen = await compact(new DryRunFile(file), { ...job, parents });
    assertEquals(await compact(file, { ...job, parents }), foreseen);
  },
  "resize": ({ file, format, parents, random }) => {
    openWritableImage(file, format).finish();
    const { virtualSize: size } = openImage(file, format);
    const difference = (random.below(20_000) - 5000) * SECTOR;
    const virtualSize = Math.max(SECTOR, size + difference);
    const parentSize = parents[0]?.virtualSize ?? 0;
    formatNamed(format).resizing?.run(file, { virtualSize, parentSize });
    assertEquals(openImage(file, format).virtualSize, virtualSize);
  },
  "merge": async ({ file, format }) => {
    const target = GuardedFile.of(FORMATS[format].parent);
    openWritableImage(file, format).finish();
    if (openImage(file, format).parent === undefined) return;
    const job = { above: [], child: file, target, targetParentSize: 0, dryRun: false };
    await FORMATS[format].merge({ ...job, pace: pace() });
    openImage(target, format);
  },
};

/** The pieces of a disk; `undefined` for what cannot be read. */
function pieces(
  file: SparseFile,
  format: MaintainedFormat,
  parents: readonly DiskImage[],
): (Uint8Array | undefined)[] {
  const { piece, compared } = FORMATS[format];
  const image = attempt(() => openImage(file, format));
  const end = Math.min(image?.virtualSize ?? 0, compared);
  return Array.from({ length: Math.ceil(end / piece) }, (_, i) => {
    const length = Math.min(piece, end - i * piece);
    return attempt(() => readImage([image!, ...parents], i * piece, length));
  });
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return undefined;
  }
}

/** What both disks have is compared: one of them may have been resized. */
function assertKept(
  before: readonly (Uint8Array | undefined)[],
  after: readonly (Uint8Array | undefined)[],
): void {
  assert(before.length === 0 || after.length > 0, "the image could be opened");
  for (let i = 0; i < Math.min(before.length, after.length); i++) {
    const [old, now] = [before[i], after[i]];
    if (old === undefined) continue;
    assert(now !== undefined, `piece ${i} could be read`);
    const length = Math.min(old.length, now.length);
    assertBytesEqual(now.subarray(0, length), old.subarray(0, length), `piece ${i}`);
  }
}

/** What is done to damaged images. */
export const OPERATION_NAMES: readonly string[] = Object.keys(OPERATIONS);

/**
 * Does an operation to a damaged image, and asserts that nothing is lost: what could be read before reads the same
 * after.
 *
 * @param file Is changed.
 * @returns Whether the operation was not refused.
 */
export async function maintainDamaged(
  format: MaintainedFormat,
  file: GuardedFile,
  operation: string,
  random: Random,
): Promise<boolean> {
  const old = file.fork();
  const image = attempt(() => openImage(old, format));
  if (image !== undefined && image.virtualSize > MAX_DISK_SIZE) return false;
  const parents = image?.parent === undefined ? [] : [PARENT];
  const before = pieces(old, format, parents);
  let isDone = true;
  try {
    await OPERATIONS[operation]!({ format, file, parents, random });
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    isDone = false;
  }
  assertKept(before, pieces(file.fork(), format, parents));
  return isDone;
}
