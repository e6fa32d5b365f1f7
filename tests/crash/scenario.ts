/** What is done to an image, as data, and doing it. */
import type { ByteSource, WritableSource } from "../../src/portable/file/byte_source.ts";
import { zeroChain } from "../../src/portable/image/extents.ts";
import type { DiskImage, ParentSpec, WritableImage } from "../../src/portable/image/image.ts";
import type { Random } from "../fuzz/random.ts";
import { itemAttribute, itemText, observe } from "./observation.ts";
import type { DiskEvent } from "./oracle.ts";
import type { SparseFile } from "./sparse_file.ts";
import { SECTOR, stamped, ZEROS } from "./stamp.ts";

/** A format under test. */
export interface Format {
  /** Whether writing gives the disk another identifier. */
  readonly changesIdentifier: boolean;
  /** Whether logical sectors are old or new as a whole, and not only each 512 bytes of them. */
  readonly keepsSectorsWhole?: boolean;
  open(source: ByteSource): DiskImage;
  openWritable(source: WritableSource): WritableImage;
  /** Throws where other programs would refuse what a crash left, though it opens here. */
  checkLeft?(source: ByteSource): void;
  /** Throws where a file that was closed is not as clean as it should be. */
  checkClosed?(source: ByteSource): void;
}

/**
 * One operation; ranges in sectors of 512 bytes: first, count. `reopen` closes and opens again;
 * `abandon` does so without closing, as when the writing process was killed.
 */
export type Step =
  | readonly ["write" | "trim" | "zero", number, number]
  | readonly ["flush"]
  | readonly ["reopen"]
  | readonly ["abandon"]
  | readonly ["uniqueId" | "virtualDiskId", string]
  | readonly ["physicalSectorSize", number]
  /** The parent, and the link to it as JSON. */
  | readonly ["parent", ParentSpec, string]
  | readonly ["setItem", string, Uint8Array]
  | readonly ["deleteItem", string];

/** A sequence of operations on an image. */
export interface Scenario {
  readonly title: string;
  readonly format: Format;
  /** A new file with the image. */
  readonly base: () => SparseFile;
  readonly steps: readonly Step[];
  /** Of a hundred states: how many are tried, where a scenario has more than time allows. */
  readonly percent?: number;
  /** Of a hundred states tried: how many are written to and crash again. */
  readonly again?: number;
  /** What QEMU would need to read the image, and does not have. */
  readonly qemuLacks?: string | undefined;
}

/** Takes notes of what is done, and looks at the open disk. */
export interface Witness {
  /** The image is open. */
  opened?(image: WritableImage): void;
  mark?(event: DiskEvent): void;
  /** The image was flushed, or is about to be closed. */
  look?(image: DiskImage): void;
}

/** Does the steps between an open and a close; what they write is stamped from `version` on. */
export function runSteps(
  format: Format,
  source: WritableSource,
  steps: readonly Step[],
  version: number,
  witness: Witness,
): void {
  let image = openMarked(format, source, witness);
  for (const step of steps) {
    if (step[0] === "reopen" || step[0] === "abandon") {
      if (step[0] === "reopen") finish(image, witness);
      else markSeen(format.open(source), 0, image.virtualSize / SECTOR, witness);
      image = openMarked(format, source, witness);
    } else runStep(image, step, version++, witness);
  }
  finish(image, witness);
}

/** Random steps on a disk, ranges in multiples of `unit` sectors, trims mostly of whole blocks. */
export function randomSteps(
  random: Random,
  count: number,
  disk: { readonly sectors: number; readonly blockSectors: number; readonly unit?: number },
): Step[] {
  const { sectors, blockSectors, unit = 1 } = disk;
  const steps: Step[] = [];
  const range = (longest: number): [number, number] => {
    const first = random.below(sectors / unit) * unit;
    return [first, Math.min(sectors - first, (1 + random.below(longest)) * unit)];
  };
  while (steps.length < count) {
    const kind = random.below(100);
    if (kind < 60) steps.push(["write", ...range(random.pick([1, 4, 20]))]);
    else if (kind < 64) steps.push(["write", ...range(blockSectors * 1.5 / unit)]);
    else if (kind < 76) {
      const first = random.below(sectors / blockSectors) * blockSectors;
      steps.push(["trim", first, Math.min(blockSectors * (1 + random.below(2)), sectors - first)]);
    } else if (kind < 95) steps.push(["flush"]);
    else steps.push(["reopen"]);
  }
  return steps;
}

function openMarked(format: Format, source: WritableSource, witness: Witness): WritableImage {
  witness.mark?.({ kind: "opening", identifier: format.open(source).identifier ?? "" });
  const image = format.openWritable(source);
  witness.opened?.(image);
  return image;
}

function finish(image: WritableImage, witness: Witness): void {
  witness.look?.(image);
  image.finish();
  witness.mark?.({ kind: "flushed" });
}

function markSeen(image: DiskImage, first: number, count: number, witness: Witness): void {
  const versions = observe(image).versions.slice(first, first + count);
  witness.mark?.({ kind: "seen", first, versions });
}

function runStep(
  image: WritableImage,
  step: Exclude<Step, readonly ["reopen"] | readonly ["abandon"]>,
  version: number,
  witness: Witness,
): void {
  switch (step[0]) {
    case "write": {
      const [, first, count] = step;
      witness.mark?.({ kind: "write", first, count, version });
      return image.write(stamped(first, count, version), first * SECTOR);
    }
    case "trim": {
      const [, first, count] = step;
      witness.mark?.({ kind: "trim", first, count });
      image.trim(first * SECTOR, count * SECTOR);
      return markSeen(image, first, count, witness);
    }
    case "zero": {
      const [, first, count] = step;
      const [offset, length] = [first * SECTOR, count * SECTOR];
      witness.mark?.({ kind: "write", first, count, version: ZEROS });
      return zeroChain(image, [image], { offset, length, takesSpace: false });
    }
    case "flush":
      image.flush();
      witness.look?.(image);
      return witness.mark?.({ kind: "flushed" });
    case "uniqueId":
      witness.mark?.({ kind: "attribute", name: "virtualDiskId", value: step[1] });
      return need(image.setUniqueId).call(image, step[1]);
    case "virtualDiskId":
      witness.mark?.({ kind: "attribute", name: "virtualDiskId", value: step[1] });
      return need(image.setVirtualDiskId).call(image, step[1]);
    case "parent":
      witness.mark?.({ kind: "attribute", name: "parent", value: step[2] });
      return need(image.rebase).call(image, step[1]);
    case "physicalSectorSize":
      witness.mark?.({ kind: "attribute", name: "physicalSectorSize", value: String(step[1]) });
      return need(image.setPhysicalSectorSize).call(image, step[1]);
    case "setItem":
      witness.mark?.({ kind: "attribute", name: itemAttribute(step[1]), value: itemText(step[2]) });
      return need(image.metadata).set(step[1], step[2]);
    case "deleteItem":
      witness.mark?.({ kind: "attribute", name: itemAttribute(step[1]), value: undefined });
      need(image.metadata).delete(step[1]);
  }
}

function need<T>(member: T | undefined): T {
  if (member === undefined) throw new Error("the image lacks what the scenario asks of it");
  return member;
}
