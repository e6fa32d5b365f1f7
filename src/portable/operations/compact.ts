/**
 * CompactVirtualDisk.
 *
 * @module
 */
import type { CompactOptions, CompleteCompactionReport } from "../../disk/operation_options.ts";
import type { ImageChain } from "../chain/chain.ts";
import { assertChildless } from "../chain/children.ts";
import { ImageError, openForReading } from "../file/image_error.ts";
import { formatOf } from "../formats.ts";
import type { Compaction } from "../image/format.ts";
import { Pace } from "../image/pace.ts";
import { FreeSpace } from "./free_space.ts";

/**
 * Compacts the child of a chain. Cancelled, the file is sound, and as much shorter as the work that is done
 * makes it.
 *
 * @throws {ImageError} As CompactVirtualDisk fails.
 */
export async function compactChain(
  chain: ImageChain,
  options: CompactOptions,
): Promise<CompleteCompactionReport> {
  const { noZeroScan = false, noBlockMoves = false, dryRun = false } = options;
  const { freeSpace: hidesFree = false, ignoreChildren = false } = options;
  const { image, images, writable } = chain;
  const path = image.source.path;
  const format = formatOf(image);
  if (format.compact === undefined) {
    throw new ImageError("ERROR_VHD_INVALID_TYPE", {
      path,
      reason: `${format.title} has no blocks to give back`,
    });
  }
  if (writable === undefined && !dryRun) throw openForReading({ path });
  const pace = new Pace(options);
  const freeSpace = hidesFree ? await FreeSpace.find(images, pace) : undefined;
  // To a child, what was there may still be in use.
  const changesDisk = freeSpace !== undefined && freeSpace.report.freeBytes > 0;
  if (changesDisk && !ignoreChildren) assertChildless(image);
  const parents = images.slice(1);
  const job: Compaction = {
    parents,
    ...(changesDisk ? { hideFree: (child) => freeSpace.hideIn([child, ...parents]) } : {}),
    zeroScan: !noZeroScan,
    blockMoves: !noBlockMoves,
    pace,
  };
  const { previousFileSize, outcome } = await chain.rework(async (file) => ({
    previousFileSize: file.size,
    outcome: await format.compact!(file, job),
  }), { dryRun });
  pace.done();
  return {
    dryRun,
    previousFileSize,
    ...outcome,
    ...(freeSpace === undefined ? {} : { freeSpace: freeSpace.report }),
  };
}
