/**
 * What the file systems of a disk leave free, in words, and as an exit status.
 *
 * @module
 */
import type { FreeSpaceReport, PartitionSpace } from "../../portable.ts";
import { groupedDigits, roundBytes } from "../text/digits.ts";
import { FINDING_STATUS } from "./failure.ts";

/** A line for each partition. */
export function describeFreeSpace({ partitions }: FreeSpaceReport): string[] {
  return partitions.map((each) => `  ${placeOf(each)}: ${stateOf(each)}`);
}

/** 1 if something is kept whole although a file system, or the mark of something else, is in it. */
export function freeSpaceStatus({ partitions }: FreeSpaceReport): number {
  return partitions.some(({ reason }) => reason !== undefined) ? FINDING_STATUS : 0;
}

function placeOf({ partition, length, fileSystem = "nothing known" }: PartitionSpace): string {
  const place = partition === undefined ? "the whole disk" : `partition ${partition}`;
  return `${place}, ${roundBytes(length)}, ${fileSystem}`;
}

function stateOf({ freeBytes, reclaimableBytes, reason }: PartitionSpace): string {
  if (freeBytes === undefined) return reason === undefined ? "kept whole" : `kept whole: ${reason}`;
  const free = `${roundBytes(freeBytes)} (${groupedDigits(freeBytes)} bytes) free`;
  if (reclaimableBytes === undefined) return free;
  return `${free}, ${roundBytes(reclaimableBytes)} in blocks of the file that hold nothing else`;
}
