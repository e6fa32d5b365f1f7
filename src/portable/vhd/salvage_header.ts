/**
 * The sparse header of a damaged VHD: as it stands, if what it says fits the block allocation table; else, for tables
 * in the usual place, as that table tells it.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { type ByteSource, viewOf } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { OpenEndedSource, readable } from "../file/promised_end.ts";
import { missingFacts } from "../image/assumed.ts";
import type { Damages } from "../image/tolerant_image.ts";
import { TABLE_ENTRY_SIZE, UNALLOCATED } from "./block_table.ts";
import { sealed } from "./footer.ts";
import { blockCount, blockFootprint, DATA_ALIGNMENT, roundUp, SECTOR_SIZE } from "./layout.ts";
import { overlapping, type Region } from "./regions.ts";
import {
  headRegions,
  LOCATOR_COUNT,
  readSparseHeader,
  SPARSE_HEADER,
  SPARSE_HEADER_SIZE,
  SPARSE_HEADER_VERSION,
  type SparseHeader,
  UNUSED_LOCATOR,
} from "./sparse_header.ts";

/** From the smallest that anybody writes to the largest. */
const BLOCK_SIZES = Array.from({ length: 17 }, (_, i) => 4096 * 2 ** i);
/** A table of that many entries is that of the largest disk with blocks of 128 KiB; it takes 64 MiB. */
const MAX_ENTRIES = 2 ** 24;
/** So many blocks side by side say how large a block is. */
const MIN_BLOCKS = 2;
/** Any size that a table has an entry for. */
const ANY_SIZE = SECTOR_SIZE;

/** What is known of the disk. */
interface Disk {
  readonly currentSize: number;
  readonly headerOffset: number;
  readonly trailing: readonly Region[];
}

/** The header in that place if it keeps all rules, whatever the size of its disk. */
export function soundHeaderAt(source: ByteSource, offset: number): SparseHeader | undefined {
  return readable(() => readSparseHeader(source, offset, ANY_SIZE));
}

/**
 * Reads the header, or finds out what it said.
 *
 * @throws {ImageError} `ERROR_FILE_CORRUPT` if that cannot be told with certainty.
 */
export function salvageSparseHeader(
  file: ByteSource,
  { currentSize, headerOffset, trailing }: Disk,
  damages: Damages,
): SparseHeader {
  const source = new OpenEndedSource(file);
  const { assumed: { blockSize: wanted } } = damages;
  const sound = soundHeaderAt(source, headerOffset);
  if (sound !== undefined) return wanted === undefined ? sound : { ...sound, blockSize: wanted };
  const head = headRegions(headerOffset);
  const isTable = (header: SparseHeader, isGiven: boolean) =>
    new TableTrial(source, [...head, ...trailing], currentSize).fits(header, isGiven);
  const stated = statedHeader(source, headerOffset);
  if (stated !== undefined && (wanted ?? stated.blockSize) === stated.blockSize) {
    if (isTable(stated, false)) {
      tell(damages, file, headerOffset, "What it says fits the blocks, and is believed.");
      return stated;
    }
  }
  const sizes = wanted === undefined ? BLOCK_SIZES : [wanted];
  const fitting = sizes.map((blockSize) => usualHeader(headerOffset, blockSize, currentSize))
    .filter((header) => isTable(header, wanted !== undefined));
  const [only] = fitting;
  if (only === undefined || fitting.length > 1) {
    if (wanted !== undefined) throw noTable(file, wanted);
    throw missingFacts(file.path, {
      size: currentSize,
      blockSize: undefined,
      sectorSize: SECTOR_SIZE,
    });
  }
  tell(
    damages,
    file,
    headerOffset,
    `By the table behind it, blocks have ${only.blockSize} bytes; who a parent is, is lost.`,
  );
  return only;
}

/** Whoever has said how large a block is need not be asked for it. */
function noTable({ path }: ByteSource, blockSize: number): ImageError {
  return new ImageError("ERROR_FILE_CORRUPT", {
    path,
    reason:
      `the sparse header is damaged, and what follows it is no table of blocks of ${blockSize} bytes`,
    causes: ["The blocks have another size, or entries of the table are damaged too."],
  });
}

function tell(damages: Damages, { path }: ByteSource, offset: number, consequence: string): void {
  damages.add({
    path,
    structure: SPARSE_HEADER.type,
    offset,
    found: "a damaged header",
    expected: "a valid one",
    consequence,
  });
}

/** What stands there, as if its checksum were right. */
function statedHeader(source: ByteSource, offset: number): SparseHeader | undefined {
  const bytes = new Uint8Array(SPARSE_HEADER_SIZE);
  if (source.readAt(bytes, offset) < bytes.length) return undefined;
  const header = sealed(SPARSE_HEADER, bytes);
  const patched: ByteSource = {
    path: source.path,
    size: source.size,
    readAt: (buffer) => {
      buffer.set(header);
      return header.length;
    },
  };
  return soundHeaderAt(patched, offset);
}

/** As everybody writes it: the table follows. */
function usualHeader(offset: number, blockSize: number, currentSize: number): SparseHeader {
  return {
    tableOffset: offset + SPARSE_HEADER_SIZE,
    headerVersion: SPARSE_HEADER_VERSION,
    maxTableEntries: blockCount(currentSize, blockSize),
    blockSize,
    parentUniqueId: NIL_GUID,
    parentTimeStamp: 0,
    parentUnicodeName: "",
    locators: Array.from({ length: LOCATOR_COUNT }, () => UNUSED_LOCATOR),
  };
}

/** Whether a table is one of blocks of some size: they lie side by side, as they are written. */
class TableTrial {
  readonly #file: OpenEndedSource;
  readonly #occupied: readonly Region[];
  readonly #currentSize: number;

  constructor(file: OpenEndedSource, occupied: readonly Region[], currentSize: number) {
    this.#file = file;
    this.#occupied = occupied;
    this.#currentSize = currentSize;
  }

  /** @param isGiven Whether the size is known for certain: then it is enough that no two overlap. */
  fits({ tableOffset, blockSize }: SparseHeader, isGiven: boolean): boolean {
    const count = blockCount(this.#currentSize, blockSize);
    if (count > MAX_ENTRIES) return false;
    const bytes = new Uint8Array(count * TABLE_ENTRY_SIZE);
    const length = this.#file.readAt(bytes, tableOffset);
    const view = viewOf(bytes);
    const sectors: number[] = [];
    for (let i = 0; i + TABLE_ENTRY_SIZE <= length; i += TABLE_ENTRY_SIZE) {
      const entry = view.getUint32(i, false);
      if (entry !== UNALLOCATED) sectors.push(entry);
    }
    sectors.sort((a, b) => a - b);
    const footprint = blockFootprint(blockSize);
    const table = { name: "table", offset: tableOffset, length: bytes.length };
    const [lowest] = sectors;
    if (lowest === undefined) return false;
    const first = lowest * SECTOR_SIZE;
    if (overlapping([...this.#occupied, table], first, footprint) !== undefined) return false;
    if (first >= this.#file.realSize) return false;
    const distances = sectors.slice(1).map((sector, i) => (sector - sectors[i]!) * SECTOR_SIZE);
    if (isGiven) return distances.every((distance) => distance >= footprint);
    // Writers align the data of blocks, or do not; a block that was given back leaves room for one.
    return sectors.length >= MIN_BLOCKS &&
      [footprint, roundUp(footprint, DATA_ALIGNMENT)].some((step) =>
        distances.includes(step) &&
        distances.every((distance) => distance > 0 && distance % step === 0)
      );
  }
}
