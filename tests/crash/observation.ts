/** What can be seen of an image: each sector's version, and what it says of itself. */
import { crc32 } from "node:zlib";
import { isAllZero } from "../../src/bytes/zeros.ts";
import { type DiskImage, imageExtents } from "../../src/portable/image/image.ts";
import { PARENT, readStamps, SECTOR, type TornSectors } from "./stamp.ts";

/** Short enough that most have no data: a look at zeros takes a fraction of one at stamps. */
const CHUNK = 1 << 16;

export interface Observation {
  /** By sector of 512 bytes. */
  readonly versions: Uint32Array;
  /** What the sectors hold that are of no one version, where it is a piece each of two. */
  readonly torn: TornSectors;
  /** Sizes, identity, parent, user metadata, as text. */
  readonly attributes: ReadonlyMap<string, string>;
  /** What children know the disk by. */
  readonly identifier: string;
}

/** Reads the whole disk; a parent, where there is one, is stamped throughout. */
export function observe(image: DiskImage): Observation {
  const versions = new Uint32Array(image.virtualSize / SECTOR);
  const torn = new Map<number, readonly [number, number]>();
  const buffer = new Uint8Array(CHUNK);
  const places: { readonly fileOffset: number; readonly length: number }[] = [];
  for (const extent of imageExtents(image, 0, image.virtualSize)) {
    const first = extent.offset / SECTOR;
    if (extent.kind === "parent") versions.fill(PARENT, first, first + extent.length / SECTOR);
    if (extent.kind !== "file") continue;
    places.push(extent);
    for (let done = 0; done < extent.length; done += CHUNK) {
      const piece = buffer.subarray(0, Math.min(CHUNK, extent.length - done));
      const count = image.source.readAt(piece, extent.fileOffset + done);
      if (count < piece.length) {
        throw new Error(`the extent at ${extent.offset} lies beyond the end of the file`);
      }
      // Zeros are what all versions are to begin with.
      if (!isAllZero(piece)) readStamps(piece, first + done / SECTOR, versions, torn);
    }
  }
  assertDisjoint(places);
  return { versions, torn, attributes: attributesOf(image), identifier: image.identifier ?? "" };
}

/** No byte of the file belongs to two places of the disk. */
function assertDisjoint(
  places: { readonly fileOffset: number; readonly length: number }[],
): void {
  let end = 0;
  for (const { fileOffset, length } of places.sort((a, b) => a.fileOffset - b.fileOffset)) {
    if (fileOffset < end) throw new Error(`two blocks share the file's bytes at ${fileOffset}`);
    end = fileOffset + length;
  }
}

/** The attribute that is a user metadata item. */
export function itemAttribute(item: string): string {
  return `item ${item}`;
}

/** A metadata item's value as an attribute: its length, and a sum that tells the tests' values apart. */
export function itemText(value: Uint8Array): string {
  return `${value.length} bytes, ${crc32(value)}`;
}

function attributesOf(image: DiskImage): Map<string, string> {
  const attributes = new Map(Object.entries({
    format: image.format,
    subtype: image.subtype,
    virtualSize: String(image.virtualSize),
    blockSize: String(image.blockSize),
    logicalSectorSize: String(image.logicalSectorSize),
    physicalSectorSize: String(image.physicalSectorSize),
    virtualDiskId: String(image.virtualDiskId),
    parent: JSON.stringify(image.parent ?? null),
  }));
  for (const item of image.metadata?.keys() ?? []) {
    const value = image.metadata?.get(item);
    if (value !== undefined) attributes.set(itemAttribute(item), itemText(value));
  }
  return attributes;
}
