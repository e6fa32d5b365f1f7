/** What the models are about, in VHDX files in memory: where the pieces of a model are, and what their bytes are there. */
import type { WritableSource } from "../../../src/portable/file/byte_source.ts";
import type { DiskImage, WritableImage } from "../../../src/portable/image/image.ts";
import type { SparseFile } from "../../crash/sparse_file.ts";
import { MIB } from "../../portable/vhdx/vhdx_builder.ts";

/** Bytes of a page, and of a sector of the log. */
export const PAGE = 4096;

/** A range of the file. */
export interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** Where the places of a model are: one each MiB, from `start` on. */
export interface Places {
  readonly start: number;
  /** How many pieces of this length each of them has, from its beginning on. */
  readonly parts: number;
  readonly partLength: number;
}

/** A disk that is open to be changed. */
export interface OpenDisk {
  readonly image: WritableImage;
  /** Its file. */
  readonly file: WritableSource;
}

/** The disk of a model, as it is made, changed and looked at in reality. */
export interface ModelledDisk {
  /** The file that a path begins with. */
  create(): SparseFile;
  /** The pieces that come before the places. */
  readonly fixed: readonly Piece[];
  readonly places: Places;
  /** Does what the model calls `what`; flushing and closing are known without it. */
  act(disk: OpenDisk, what: string, numbers: readonly number[]): void;
  /**
   * The number that the model has for the bytes of a page.
   *
   * @returns `undefined` for bytes that the model has no number for.
   */
  valueOf(page: Uint8Array, piece: number): number | undefined;
  /** What the model says that can be seen, as seen in the image: in the same words. */
  see(image: DiskImage, words: readonly string[]): string[];
}

/** The numbers of the states of a table entry that models know. */
export const ENTRY = { NONE: 0, UNMAPPED: 3, FULL: 6, PARTIAL: 7 } as const;

/** A table entry, by its place in the bytes of a page. */
export function entryAt(
  page: Uint8Array,
  at: number,
  { start }: Places,
): { readonly state: number; readonly place: number } {
  const entry = Number(new DataView(page.buffer, page.byteOffset).getBigUint64(at, true));
  const offset = entry - entry % MIB;
  return { state: entry % MIB, place: offset === 0 ? 0 : placeAt(offset, start) };
}

/** The number of the place that begins at an offset. */
export const placeAt = (offset: number, start: number) => Math.floor((offset - start) / MIB) + 1;

/** A sector of what the image holds by itself: the parent is not asked. */
export function sectorOf(image: DiskImage, offset: number): Uint8Array | "parent" {
  const extent = image.extent(offset, offset + image.logicalSectorSize);
  if (extent.kind === "parent") return "parent";
  const bytes = new Uint8Array(image.logicalSectorSize);
  if (extent.kind === "file") image.source.readAt(bytes, extent.fileOffset);
  return bytes;
}

/** What all bytes are, if they are the same. */
export function stampOf(bytes: Uint8Array): number | undefined {
  const [first] = bytes;
  return bytes.every((byte) => byte === first) ? first : undefined;
}
