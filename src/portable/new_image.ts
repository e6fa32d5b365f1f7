/**
 * Writes a new image into an empty file: empty, or a copy of a source.
 *
 * @module
 */
import type { WritableSource } from "./byte_source.ts";
import type { CopySource } from "./copy_source.ts";
import {
  formatToCreate,
  imageSpec,
  maximumSize,
  type NewDisk,
  type NewFormat,
  subtypeToCreate,
} from "./create_rules.ts";
import type { ImageSpec } from "./image_spec.ts";
import { allBlocks, type BlockSet, NO_BLOCKS } from "./operations/block_set.ts";
import { type ImageLayout, layoutBlockCount } from "./operations/image_layout.ts";
import type { Preallocation } from "./operations/preallocation.ts";
import { writeBlocks } from "./operations/write_image.ts";
import { writeParts } from "./operations/write_parts.ts";
import { rawLayout } from "./raw/raw_layout.ts";
import { vhdLayout } from "./vhd/create_vhd.ts";
import { vhdxLayout } from "./vhdx/create_vhdx.ts";

const LAYOUTS: Record<NewFormat, (spec: ImageSpec, path: string) => ImageLayout> = {
  vhd: vhdLayout,
  vhdx: vhdxLayout,
  raw: rawLayout,
};

/**
 * A new image of a format.
 *
 * @param path The file, for errors.
 * @throws {ImageError} `ERROR_FILENAME_EXCED_RANGE` for a parent whose path cannot be stored.
 */
export function layoutOf(format: NewFormat, spec: ImageSpec, path: string): ImageLayout {
  return LAYOUTS[format](spec, path);
}

/** Writes an image that holds nothing of its own. */
export async function writeEmpty(
  file: WritableSource,
  layout: ImageLayout,
  preallocation?: Preallocation,
): Promise<void> {
  const blocks = layout.isFull ? allBlocks(layoutBlockCount(layout)) : NO_BLOCKS;
  await fillRest(layout, blocks, preallocation);
  writeParts(file, layout, blocks);
}

/** Writes an image that holds what the source does. */
export async function writeCopy(
  file: WritableSource,
  layout: ImageLayout,
  { contents }: CopySource,
  preallocation?: Preallocation,
): Promise<void> {
  const { blocks } = await writeBlocks(file, layout, contents, preallocation);
  await fillRest(layout, blocks, preallocation);
  writeParts(file, layout, blocks);
}

/**
 * Whether the size of the copy is that of its source, which only the end of the source will tell. Then
 * the data must be first in the file, whatever the size.
 */
export function learnsSize(request: NewDisk, { disk }: CopySource): boolean {
  if (request.size !== undefined || disk.virtualSize !== undefined) return false;
  return formatToCreate(request) === "raw" ||
    formatToCreate(request) === "vhd" && subtypeToCreate(request) === "fixed";
}

/**
 * Writes an image whose size is learnt by reading the source.
 *
 * @throws {ImageError} As `imageSpec`, once the size is known.
 */
export async function writeCopyOfUnknownSize(
  file: WritableSource,
  request: NewDisk,
  source: CopySource,
  preallocation?: Preallocation,
): Promise<void> {
  const format = formatToCreate(request);
  const anySize = { ...request, alignment: undefined, size: maximumSize(format) };
  const layoutFor = (wanted: NewDisk, disk: CopySource["disk"]) =>
    layoutOf(format, imageSpec(wanted, undefined, disk), file.path);
  const { blocks, end } = await writeBlocks(
    file,
    layoutFor(anySize, source.disk),
    source.contents,
    preallocation,
  );
  const layout = layoutFor(request, { ...source.disk, virtualSize: end });
  await fillRest(layout, blocks, preallocation);
  writeParts(file, layout, blocks);
}

async function fillRest(
  layout: ImageLayout,
  { count }: BlockSet,
  preallocation: Preallocation | undefined,
): Promise<void> {
  const length = layout.byteLength(count);
  await preallocation?.fillTo(length, length);
}
