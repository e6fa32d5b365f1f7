/**
 * The pieces of a disk for the `map` command: marked with what is free, and as lines.
 *
 * @module
 */
import type { Extent, FreeSpaceRange, PortableVirtualDisk } from "../../portable.ts";
import type { Piece } from "./disk_map.ts";
import type { Report } from "./report.ts";

/** Pieces between which Ctrl-C is heard. */
const PIECES_PER_TURN = 1000;

/** Which part of the disk is shown: in bytes; without a length, to its end. */
export interface Range {
  readonly offset: number;
  readonly length?: number;
}

/** How a command line goes about it. */
export interface Watch {
  readonly signal: AbortSignal;
  readonly report: Report;
}

/** Prints each piece in a line. */
export async function printPieces(
  path: string,
  disk: PortableVirtualDisk,
  range: Range,
  { freeSpace, signal, report }: Watch & { readonly freeSpace: boolean },
): Promise<void> {
  const pieces = freeSpace ? marked(disk, range, await disk.freeSpace()) : disk.extents(range);
  for await (const piece of paced(pieces, signal)) {
    report.tell(path, facts(piece), () => describe(piece));
  }
}

/** Lets Ctrl-C be heard now and then. */
export async function* paced<T>(pieces: Iterable<T> | AsyncIterable<T>, signal: AbortSignal) {
  let count = 0;
  for await (const piece of pieces) {
    yield piece;
    if (++count % PIECES_PER_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
  }
}

/** The pieces, parted where free ranges begin and end. */
export async function* marked(
  disk: PortableVirtualDisk,
  range: Range,
  free: AsyncIterable<FreeSpaceRange>,
): AsyncGenerator<Piece> {
  const ranges = free[Symbol.asyncIterator]();
  let next = await ranges.next();
  for await (const extent of disk.extents(range)) {
    const end = extent.offset + extent.length;
    for (let offset = extent.offset; offset < end;) {
      while (!next.done && next.value.offset + next.value.length <= offset) {
        next = await ranges.next();
      }
      const start = next.done ? Infinity : next.value.offset;
      const isFree = start <= offset;
      const limit = next.done ? end : isFree ? start + next.value.length : start;
      const length = Math.min(end, limit) - offset;
      yield { ...part(extent, offset, length), free: isFree };
      offset += length;
    }
  }
}

function part(extent: Extent, offset: number, length: number): Extent {
  if (!("fileOffset" in extent) || extent.fileOffset === undefined) {
    return { ...extent, offset, length };
  }
  return { ...extent, offset, length, fileOffset: extent.fileOffset + offset - extent.offset };
}

/** `path` is the disk; the file that holds the bytes has another name. */
function facts(extent: Piece): object {
  if (extent.kind === "zero" || extent.kind === "lost") return extent;
  const { path: file, ...rest } = extent;
  return { ...rest, file };
}

function describe(extent: Piece): string {
  return placeOf(extent) + (extent.free === true ? " (free)" : "");
}

function placeOf(extent: Extent): string {
  const range = `${extent.offset} ${extent.length}`;
  if (extent.kind === "zero") return `${range} ${extent.reason ?? "unallocated"}`;
  if (extent.kind === "lost") return `${range} lost (${extent.reason})`;
  if (extent.path === undefined) return `${range} absent`;
  return `${range} ${extent.fileOffset} ${extent.path}`;
}
