/**
 * CompactVirtualDisk.
 *
 * @module
 */
import type { CompactionReport, CompactOptions } from "../../disk/operation_options.ts";
import type { WritableSource } from "../file/byte_source.ts";
import type { ImageChain } from "../chain/chain.ts";
import { ImageError, openForReading } from "../file/image_error.ts";
import { compactVhd } from "../vhd/compact.ts";
import { compactVhdx } from "../vhdx/compact.ts";
import type { Compaction, CompactionOutcome } from "../image/format.ts";
import { Meter, Pace } from "../image/pace.ts";

/**
 * Compacts the child of a chain. Cancelled, the file is sound, and as much shorter as the work that is done
 * makes it.
 *
 * @throws {ImageError} As CompactVirtualDisk fails.
 */
export async function compactChain(
  chain: ImageChain,
  options: CompactOptions,
): Promise<CompactionReport> {
  const { noZeroScan = false, noBlockMoves = false, dryRun = false } = options;
  const { image, images, writable } = chain;
  const path = image.source.path;
  const compact = compactorOf(image.format, path);
  if (writable === undefined && !dryRun) throw openForReading({ path });
  const pace = new Pace(options);
  pace.assertWanted();
  const job: Compaction = {
    parents: images.slice(1),
    zeroScan: !noZeroScan,
    blockMoves: !noBlockMoves,
    dryRun,
    meter: new Meter(pace),
  };
  const { previousFileSize, outcome } = await chain.rework(async (file) => ({
    previousFileSize: file.size,
    outcome: await compact(file, job),
  }));
  pace.end();
  return { dryRun, previousFileSize, ...outcome };
}

function compactorOf(
  format: string,
  path: string,
): (file: WritableSource, job: Compaction) => Promise<CompactionOutcome> {
  switch (format) {
    case "vhd":
      return compactVhd;
    case "vhdx":
      return compactVhdx;
    default:
      throw new ImageError("ERROR_VHD_INVALID_TYPE", {
        path,
        reason: `${format === "raw" ? "a raw disk" : "an ISO image"} has no blocks to give back`,
      });
  }
}
