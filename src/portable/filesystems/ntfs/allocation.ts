/**
 * The map of the clusters of NTFS, `$Bitmap`, and whether all files lie in clusters that it has as used.
 *
 * A map that is older than the files, for whatever reason, would have some of them among what is free: so the whole
 * master file table is read, too.
 *
 * @module
 */
import { bitRun } from "../../image/bit_run.ts";
import type { FreeRange } from "../file_system.ts";
import { type NtfsGeometry, refusal } from "./boot_sector.ts";
import type { MasterFileTable } from "./mft.ts";
import { isRecordInUse, parseRecord } from "./records.ts";
import type { Stream } from "./runs.ts";

/** Bytes of the map that are read at once: of 2 GiB with the usual clusters. */
const PAGE_LENGTH = 2 ** 16;
/** 8 MiB: files lie all over a volume. */
const CACHED_PAGES = 128;
/** Bytes of the master file table that are read at once. */
const PIECE_LENGTH = 2 ** 20;

/** The map. */
export class Allocation {
  readonly #bitmap: Stream;
  readonly #geometry: NtfsGeometry;
  /** The one that was used last is the last one. */
  readonly #pages = new Map<number, Uint8Array>();

  /** @throws {Refusal} If it is too short for the clusters. */
  constructor(bitmap: Stream, geometry: NtfsGeometry) {
    const { clusterCount } = geometry;
    if (bitmap.size < Math.ceil(clusterCount / 8)) {
      throw refusal(`$Bitmap has ${bitmap.size} bytes, too few for ${clusterCount} clusters`);
    }
    this.#bitmap = bitmap;
    this.#geometry = geometry;
  }

  /** The first cluster of a range, inside the volume, that is free; `undefined` if all are used. */
  firstFree(first: number, count: number): number | undefined {
    const end = first + count;
    const perPage = PAGE_LENGTH * 8;
    for (let at = first; at < end;) {
      const number = Math.floor(at / perPage);
      const start = number * perPage;
      const [from, to] = [at - start, Math.min(end - start, perPage)];
      const bytes = this.#page(number);
      const { value, length } = bitRun((index) => bytes[index]!, from, to, "lsb-first");
      if (!value) return at;
      at += length;
    }
    return undefined;
  }

  /** The free clusters, in batches. */
  *freeRanges(): Generator<FreeRange[]> {
    const { clusterCount, clusterSize } = this.#geometry;
    const perPage = PAGE_LENGTH * 8;
    for (let first = 0, number = 0; first < clusterCount; first += perPage, number++) {
      const bytes = this.#page(number);
      const count = Math.min(perPage, clusterCount - first);
      const ranges: FreeRange[] = [];
      for (let bit = 0; bit < count;) {
        const { value, length } = bitRun((index) => bytes[index]!, bit, count, "lsb-first");
        if (!value) {
          ranges.push({ offset: (first + bit) * clusterSize, length: length * clusterSize });
        }
        bit += length;
      }
      yield ranges;
    }
  }

  #page(number: number): Uint8Array {
    let page = this.#pages.get(number);
    if (page === undefined) {
      const offset = number * PAGE_LENGTH;
      page = this.#bitmap.read(offset, Math.min(PAGE_LENGTH, this.#bitmap.size - offset));
      if (this.#pages.size >= CACHED_PAGES) this.#pages.delete(this.#pages.keys().next().value!);
    } else this.#pages.delete(number);
    this.#pages.set(number, page);
    return page;
  }
}

/**
 * Verifies that every cluster of every file is used. Yields whenever it has read for a while.
 *
 * @throws {Refusal} If one is not, or a record of a file cannot be read.
 */
export function* verifyFilesAllocated(
  table: MasterFileTable,
  allocation: Allocation,
): Generator<undefined> {
  const { recordSize } = table.geometry;
  // The boot sector, whatever the file says that has it.
  assertUsed(allocation, 0, 1, 7);
  const perPiece = PIECE_LENGTH / recordSize;
  for (let first = 0; first < table.recordCount; first += perPiece) {
    const count = Math.min(perPiece, table.recordCount - first);
    const piece = table.readRecords(first, count);
    for (let i = 0; i < count; i++) {
      const bytes = piece.subarray(i * recordSize, (i + 1) * recordSize);
      if (!isRecordInUse(bytes)) continue;
      const number = first + i;
      for (const { extent } of parseRecord(bytes, number, table.geometry).attributes) {
        for (const { lcn, count } of extent?.runs ?? []) {
          if (lcn !== undefined) assertUsed(allocation, lcn, count, number);
        }
      }
    }
    yield undefined;
  }
}

function assertUsed(allocation: Allocation, first: number, count: number, record: number): void {
  const free = allocation.firstFree(first, count);
  if (free === undefined) return;
  throw refusal(`$Bitmap has cluster ${free} as free, which file record ${record} has`);
}
