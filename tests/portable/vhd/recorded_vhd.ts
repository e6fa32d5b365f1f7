/** Small VHD images in memory that remember what was done to them. */
import { imageExtents, type WritableImage } from "../../../src/portable/image/image.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { DYNAMIC_TABLE, viewAt } from "./vhd_builder.ts";

export const BLOCK = 4096;

/** An image whose changes are recorded. */
export type Recording = RecordingSource<never>;

export function recorded(image: Uint8Array): Recording {
  return new RecordingSource<never>(SparseFile.of(image));
}

export function bytesOf(source: Recording | SparseFile): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(source.size);
  source.readAt(bytes, 0);
  return bytes;
}

/** The sector of the file at which a block begins. */
export function entry(source: Recording, index: number, table = DYNAMIC_TABLE): number {
  return viewAt(bytesOf(source)).getUint32(table + 4 * index, false);
}

/** What the sectors of the disk are, and how many in a row. */
export function kinds(image: WritableImage): string {
  const runs: { kind: string; sectors: number }[] = [];
  for (const { kind, length } of imageExtents(image, 0, image.virtualSize)) {
    const last = runs.at(-1);
    if (last?.kind === kind) last.sectors += length / 512;
    else runs.push({ kind, sectors: length / 512 });
  }
  return runs.map(({ kind, sectors }) => `${kind} ${sectors}`).join(", ");
}

/** Offsets of the writes between flushes. */
export function writes(source: Recording, from = 0): number[][] {
  const groups: number[][] = [[]];
  for (const change of source.changes.slice(from)) {
    if (change.kind === "flush") groups.push([]);
    else if (change.kind === "write") groups.at(-1)!.push(change.offset);
    else groups.at(-1)!.push(-change.size);
  }
  return groups;
}
