/**
 * Makes a fixed VHD larger, and undoes a growth that was cut short. The image has a single footer, which ends
 * the file; a crash, though, may leave a new length without the bytes at its end. So the file grows beyond
 * the new disk first, with the old footer at its end each time; only when the rest is in place is it cut
 * where the new footer stands, which makes the disk larger at once. Before that every reader sees the disk
 * with its old size, and a writer cuts the file off behind it.
 *
 * ```text
 * disk | old                                       as it was
 * disk | old |  0  | old                           1  a short step
 * disk | old | new | old                           2  says that the disk is growing
 * disk | old | new | old | 0 ... | old             3  in steps of a power of two of sectors, so that a reader
 * disk | old | new | old | 0 ... | new | old          who finds zeros at the end knows where to look
 * disk |  0     0     0    0 ... | new | old       4
 * disk                           | new             5  a larger disk
 * ```
 *
 * @module
 */
import { isAllZero } from "../../bytes/zeros.ts";
import { type ByteSource, readStructure, type WritableSource } from "../file/byte_source.ts";
import { damaged } from "../file/image_error.ts";
import { DISK_TYPE, FOOTER_SIZE, footerFault, parseFooter, withCurrentSize } from "./footer.ts";
import { geometryOf, roundUp, SECTOR_SIZE } from "./layout.ts";

const PIECE = 2 ** 20;
/** What a growth adds before it says that it is one: few enough bytes to be looked at. */
const FIRST_STEP = 2 * SECTOR_SIZE;

/** The footer of a fixed image. */
export interface FixedFooter {
  /** Its 512 bytes, checked. */
  readonly bytes: Uint8Array;
  /** Where it is. */
  readonly offset: number;
}

/**
 * Gives the disk a larger size; what is added reads as zeros.
 *
 * @param footer At the end of the file.
 * @param size Whole sectors.
 */
export function growFixed(source: WritableSource, footer: FixedFooter, size: number): void {
  const old = footer.bytes;
  const disk = diskSize(footer);
  if (size === disk) return;
  // What lies between disk and footer was nobody's, and may hold anything.
  cutBehindDisk(source, footer);
  const put = (bytes: Uint8Array, offset: number) => {
    source.writeAt(bytes, offset);
    source.flush();
  };
  const grown = withCurrentSize(old, size, geometryOf(size));
  const footers = [disk, disk + SECTOR_SIZE, disk + FIRST_STEP];
  put(old, disk + FIRST_STEP);
  put(grown, disk + SECTOR_SIZE);
  for (let last = disk + FIRST_STEP; last < size + FOOTER_SIZE; footers.push(last)) {
    last += largestStep(size + FOOTER_SIZE - last);
    put(old, last);
  }
  put(grown, size);
  for (const offset of footers) {
    if (offset < size) source.writeAt(new Uint8Array(FOOTER_SIZE), offset);
  }
  source.flush();
  source.truncate(size + FOOTER_SIZE);
  source.flush();
}

/** What a file holds beside its disk and the footer of that. */
export type Surplus =
  | "none"
  /** What a growth has left, which is nothing but zeros and footers. */
  | "growth"
  /** Something to be looked at, sector by sector. */
  | "unknown";

/** Tells what follows the disk, from a few sectors. */
export function surplusOf(source: ByteSource, footer: FixedFooter): Surplus {
  const disk = diskSize(footer);
  if (footer.offset === disk && source.size <= disk + FOOTER_SIZE) return "none";
  const end = source.size - FOOTER_SIZE;
  const isGrowing = sameBytes(source, footer, disk) &&
    grownSize(source, footer, disk + SECTOR_SIZE) > disk;
  const isGrown = footer.offset === end &&
    grownSize(source, footer, end - SECTOR_SIZE) === end - SECTOR_SIZE;
  return isGrowing || isGrown ? "growth" : "unknown";
}

/**
 * Looks for what no growth leaves.
 *
 * @param start A sector behind the disk, or the disk's end.
 * @returns Where there is a sector that is neither zeros nor a footer of the image; `undefined` where none is.
 */
export function foreignByte(
  source: ByteSource,
  footer: FixedFooter,
  start: number,
  end = source.size,
): number | undefined {
  for (let position = start; position < end; position += PIECE) {
    const bytes = read(source, position, Math.min(PIECE, end - position));
    if (isAllZero(bytes)) continue;
    for (let at = 0; at < bytes.length; at += SECTOR_SIZE) {
      const sector = bytes.subarray(at, at + SECTOR_SIZE);
      if (!isAllZero(sector) && sizeInFooter(sector, footer) === undefined) return position + at;
    }
  }
  return undefined;
}

/**
 * Leaves the file with its disk and the footer, and what else was nobody's to remove: a growth that was cut
 * short is undone.
 *
 * @returns Where the footer is then.
 * @throws {ImageError} `ERROR_VHD_DRIVE_FOOTER_MISSING` if the file does not end with its footer, and what
 * follows that cannot be removed. Nothing has been written then.
 */
export function undoGrowth(source: WritableSource, footer: FixedFooter): number {
  const surplus = surplusOf(source, footer);
  if (surplus === "none") return footer.offset;
  const foreign = surplus === "growth" ? undefined : foreignByte(source, footer, diskSize(footer));
  if (foreign === undefined) {
    cutBehindDisk(source, footer);
    return diskSize(footer);
  }
  if (footer.offset >= source.size - FOOTER_SIZE) return footer.offset;
  throw damaged(
    source,
    "ERROR_VHD_DRIVE_FOOTER_MISSING",
    "footer",
    foreign,
    `bytes that are not the disk's, where the file does not end with its footer`,
    `nothing but zeros behind the disk, which ends at ${diskSize(footer)}`,
  );
}

/** The footer that ends the file stays until the one behind the disk is durable. */
function cutBehindDisk(source: WritableSource, footer: FixedFooter): void {
  const disk = diskSize(footer);
  if (surplusOf(source, footer) === "none") return;
  if (disk < footer.offset && footer.offset < disk + FOOTER_SIZE) {
    source.writeAt(footer.bytes, roundUp(source.size, SECTOR_SIZE));
    source.flush();
  }
  if (!sameBytes(source, footer, disk)) source.writeAt(footer.bytes, disk);
  source.flush();
  source.truncate(disk + FOOTER_SIZE);
  source.flush();
}

/** The largest power of two of sectors that is no longer than the distance. */
function largestStep(distance: number): number {
  let step = SECTOR_SIZE;
  while (step * 2 <= distance) step *= 2;
  return step;
}

function diskSize({ bytes }: FixedFooter): number {
  return parseFooter(bytes).currentSize;
}

function sameBytes(source: ByteSource, { bytes }: FixedFooter, offset: number): boolean {
  const found = sectorAt(source, offset);
  return found !== undefined && found.every((byte, i) => byte === bytes[i]);
}

/** The size in the footer of the same image at a place; 0 where there is none. */
function grownSize(source: ByteSource, footer: FixedFooter, offset: number): number {
  const sector = sectorAt(source, offset);
  return sector === undefined ? 0 : sizeInFooter(sector, footer) ?? 0;
}

function sizeInFooter(sector: Uint8Array, { bytes }: FixedFooter): number | undefined {
  if (sector.length < FOOTER_SIZE || footerFault(sector) !== undefined) return undefined;
  const { diskType, uniqueId, currentSize } = parseFooter(sector);
  const isSame = diskType === DISK_TYPE.fixed && uniqueId === parseFooter(bytes).uniqueId;
  return isSame ? currentSize : undefined;
}

function sectorAt(source: ByteSource, offset: number): Uint8Array | undefined {
  if (offset < 0 || offset + SECTOR_SIZE > source.size) return undefined;
  return read(source, offset, SECTOR_SIZE);
}

function read(source: ByteSource, offset: number, length: number): Uint8Array<ArrayBuffer> {
  return readStructure(source, offset, length, "disk", "ERROR_VHD_METADATA_READ_FAILURE");
}
