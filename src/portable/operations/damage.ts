/**
 * What is lost of a disk that is read in spite of its damage: how much, why, and of which partition.
 *
 * @module
 */
import type { DiskDamage, LossReason, LostRange, PartitionDamage } from "../../disk/damage.ts";
import { NUMBER, type OptionKinds } from "../../disk/arguments.ts";
import { OPERATION_OPTIONS, type OperationOptions } from "../../disk/progress.ts";
import { whenFetched } from "../file/fetched_file.ts";
import { ImageError, isUnreadable } from "../file/image_error.ts";
import { chainExtent } from "../image/extents.ts";
import type { DiskRange } from "../image/free_ranges.ts";
import type { DiskImage } from "../image/image.ts";
import type { Pace } from "../image/pace.ts";
import type { Damages } from "../image/tolerant_image.ts";
import { readPartitionTable } from "../partitions/partition_table.ts";
import { type Partition, partitionedDisk } from "../partitions/partitioned_disk.ts";

type Images = readonly [DiskImage, ...DiskImage[]];

/**
 * Of which part of a disk it is asked what is lost.
 *
 * @category Contents
 */
export interface DamageOptions extends OperationOptions {
  /**
   * Where to begin, in bytes.
   *
   * @default {0}
   */
  offset?: number | undefined;
  /** How many bytes; by default to the end of the disk. */
  length?: number | undefined;
}

/** Their kinds. */
export const DAMAGE_OPTIONS: OptionKinds<DamageOptions> = {
  ...OPERATION_OPTIONS,
  offset: NUMBER,
  length: NUMBER,
};

/** More are not listed, but counted. */
const MAX_RANGES = 10_000;

/** Goes through a part of the disk. */
export async function diskDamage(
  images: Images,
  damages: Damages,
  { start, end }: { readonly start: number; readonly end: number },
  pace: Pace,
): Promise<DiskDamage> {
  const parts = await whenFetched(() => partsOf(images), pace.signal);
  const lost = new Losses(parts.filter((part) => part.offset < end && endOf(part) > start));
  for (let position = start; position < end;) {
    const extent = await whenFetched(() => chainExtent(images, position, end), pace.signal);
    if (extent.kind === "lost") lost.add(extent);
    position += extent.length;
    await pace.reach(position - start, end - start);
  }
  pace.end();
  const { findings } = damages;
  const summary = lost.end();
  const isWhole = summary.lostBytes === 0 && findings.every(({ isUncertain }) => !isUncertain);
  return { isWhole, ...summary, findings };
}

/** Adds up what is lost, range after range. */
class Losses {
  readonly #parts: readonly Part[];
  readonly #lostOfParts: number[];
  readonly #ranges: LostRange[] = [];
  readonly #byReason: { [R in LossReason]?: number } = {};
  #pending: LostRange | undefined;
  #lostBytes = 0;
  #leftOut = 0;
  /** Parts are in the order of the disk: those before end before what comes. */
  #firstPart = 0;

  constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.#lostOfParts = parts.map(() => 0);
  }

  add({ offset, length, reason }: LostRange): void {
    this.#lostBytes += length;
    this.#byReason[reason] = (this.#byReason[reason] ?? 0) + length;
    this.#addToParts(offset, length);
    const last = this.#pending;
    if (last !== undefined && endOf(last) === offset && last.reason === reason) {
      this.#pending = { offset: last.offset, length: last.length + length, reason };
      return;
    }
    this.#list();
    this.#pending = { offset, length, reason };
  }

  end(): Omit<DiskDamage, "isWhole" | "findings"> {
    this.#list();
    this.#pending = undefined;
    const partitions: PartitionDamage[] = this.#parts.map(({ number, offset, length }, i) => ({
      ...(number === 0 ? {} : { partition: number }),
      offset,
      length,
      lostBytes: this.#lostOfParts[i]!,
    }));
    return {
      lostBytes: this.#lostBytes,
      lostBytesByReason: this.#byReason,
      lostRanges: this.#ranges,
      leftOut: this.#leftOut,
      partitions,
    };
  }

  #list(): void {
    if (this.#pending === undefined) return;
    if (this.#ranges.length < MAX_RANGES) this.#ranges.push(this.#pending);
    else this.#leftOut++;
  }

  #addToParts(offset: number, length: number): void {
    const end = offset + length;
    for (let i = this.#firstPart; i < this.#parts.length; i++) {
      const part = this.#parts[i]!;
      if (part.offset >= end) break;
      // An extended partition ends behind those in it.
      if (endOf(part) <= offset) {
        if (i === this.#firstPart) this.#firstPart++;
        continue;
      }
      this.#lostOfParts[i]! += Math.min(end, endOf(part)) - Math.max(offset, part.offset);
    }
  }
}

/** A partition, or with the number 0 the whole disk. */
type Part = Pick<Partition, "number" | "offset" | "length">;

/** In the order of the disk. */
function partsOf(images: Images): Part[] {
  const whole = [{ number: 0, offset: 0, length: images[0].virtualSize }];
  try {
    const partitions = readPartitionTable(partitionedDisk(images))?.partitions ?? [];
    if (partitions.length === 0) return whole;
    return partitions.toSorted((a, b) => a.offset - b.offset);
  } catch (error) {
    // A table of which a part is lost.
    if (error instanceof ImageError && !isUnreadable(error)) return whole;
    throw error;
  }
}

function endOf({ offset, length }: DiskRange): number {
  return offset + length;
}
