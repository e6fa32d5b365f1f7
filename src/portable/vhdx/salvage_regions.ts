/**
 * Where the block allocation table and the metadata of a damaged VHDX are: by either region table, or else by what
 * they look like, if only one place in the file does.
 *
 * @module
 */
import type { ByteSource } from "../file/byte_source.ts";
import { readable } from "../file/promised_end.ts";
import type { Damages } from "../image/tolerant_image.ts";
import {
  BAT_ENTRY_LENGTH,
  batEntryCount,
  type BatGeometry,
  chunkRatio,
  decodeEntry,
  PAYLOAD,
  RESERVED_MASK,
} from "./block_table.ts";
import { MAX_FILE_SIZE, MIB, REGION_TABLE_OFFSETS } from "./file_map.ts";
import { readMetadata } from "./metadata_items.ts";
import { METADATA_TABLE } from "./metadata_table.ts";
import {
  BAT_REGION,
  decodeRegions,
  METADATA_REGION,
  readCopy,
  type Region,
  REGION_TABLE,
  regionTableFault,
} from "./region_table.ts";
import { OccupiedRanges, SpaceMap } from "./space.ts";

/** Regions, of which one may not have been found. */
export interface SalvagedRegions {
  readonly bat: Region | undefined;
  readonly metadata: Region | undefined;
}

/** So many MiB of a file are looked into, 64 GiB: writers put both regions before the blocks. */
const MAX_PLACES = 2 ** 16;
/** So many entries are read in all of a search: the largest table there can be, four times. */
const MAX_ENTRIES = 2 ** 28;
const PIECE = 4096;

/**
 * Finds both regions.
 *
 * @param fileSize Where the file really ends.
 * @param occupied Header area and log; what is found is added.
 */
export function salvageRegions(
  source: ByteSource,
  fileSize: number,
  occupied: OccupiedRanges,
  damages: Damages,
): SalvagedRegions {
  const named = regionsByTable(source, occupied, damages);
  if (named !== undefined) return named;
  const found = searchRegions(source, fileSize, occupied, damages);
  for (const [name, region] of Object.entries(found)) {
    if (region === undefined) continue;
    occupied.add({ name: `region ${region.guid}`, ...region });
    damages.add({
      path: source.path,
      structure: "region tables",
      offset: REGION_TABLE_OFFSETS[0],
      found: "two damaged tables",
      expected: "a valid one",
      consequence: `The ${
        name === "bat" ? "block allocation table" : "metadata"
      } has been found at ${region.offset} by its contents.`,
    });
  }
  return found;
}

/** By a copy with the right checksum; the first one is believed. */
function regionsByTable(
  source: ByteSource,
  occupied: OccupiedRanges,
  damages: Damages,
): SalvagedRegions | undefined {
  const copies = REGION_TABLE_OFFSETS.map((offset) => ({
    offset,
    fault: faultOf(source, offset),
  }));
  for (const { offset, fault } of copies) {
    if (fault !== undefined) continue;
    const trial = copyOf(occupied);
    const regions = damages.attempt(
      () => decodeRegions(source, { bytes: readCopy(source, offset), offset }, trial),
      "This table is not used.",
    );
    if (regions === undefined) continue;
    for (const other of copies) {
      if (other.fault === undefined) continue;
      damages.add({
        path: source.path,
        structure: REGION_TABLE.type,
        offset: other.offset,
        found: other.fault,
        expected: "a valid table",
        consequence: "The other copy is used.",
      });
    }
    addMissing(occupied, trial);
    return regions;
  }
  return bothAgreeing(source, occupied, damages);
}

function addMissing(occupied: OccupiedRanges, ranges: OccupiedRanges): void {
  for (const range of ranges) {
    if (occupied.overlapping(range.offset, range.length) === undefined) occupied.add(range);
  }
}

/** What is damaged in both is hardly damaged alike. */
function bothAgreeing(
  source: ByteSource,
  occupied: OccupiedRanges,
  damages: Damages,
): SalvagedRegions | undefined {
  const trials = REGION_TABLE_OFFSETS.map(() => copyOf(occupied));
  const [first, second] = REGION_TABLE_OFFSETS.map((offset, i) =>
    readable(() => decodeRegions(source, { bytes: readCopy(source, offset), offset }, trials[i]!))
  );
  if (first === undefined || second === undefined) return undefined;
  if (first.bat.offset !== second.bat.offset || first.bat.length !== second.bat.length) {
    return undefined;
  }
  if (first.metadata.offset !== second.metadata.offset) return undefined;
  damages.add({
    path: source.path,
    structure: "region tables",
    offset: REGION_TABLE_OFFSETS[0],
    found: "two tables with wrong checksums",
    expected: "a valid one",
    consequence: "Both name the same places, which are used.",
  });
  addMissing(occupied, trials[0]!);
  return first;
}

function faultOf(source: ByteSource, offset: number): string | undefined {
  return readable(() => ({ fault: regionTableFault(source, offset) }))?.fault ?? (
    readable(() => readCopy(source, offset)) === undefined ? "the end of the file" : undefined
  );
}

function copyOf(ranges: OccupiedRanges): OccupiedRanges {
  const copy = new OccupiedRanges();
  for (const range of ranges) copy.add(range);
  return copy;
}

/** Looks at all places where a region can begin. */
function searchRegions(
  source: ByteSource,
  fileSize: number,
  occupied: OccupiedRanges,
  damages: Damages,
): SalvagedRegions {
  const places = Math.min(Math.floor(fileSize / MIB), MAX_PLACES);
  const metadata = onlyOne(metadataPlaces(source, places, occupied));
  const geometry = geometryOf(source, metadata, damages);
  if (geometry === undefined) return { bat: undefined, metadata };
  const search = new TableSearch(source, fileSize, geometry, occupied, metadata);
  return { bat: onlyOne(search.places(places)), metadata };
}

/** Two of a kind are none: nobody knows which one it is. */
function onlyOne<T>(values: Iterable<T>): T | undefined {
  let only: T | undefined;
  for (const value of values) {
    if (only !== undefined) return undefined;
    only = value;
  }
  return only;
}

/** Where a metadata region begins: its signature is there, and its items say what a disk is. */
function* metadataPlaces(
  source: ByteSource,
  places: number,
  occupied: OccupiedRanges,
): Generator<Region> {
  const head = new Uint8Array(METADATA_TABLE.size);
  for (let place = 1; place < places; place++) {
    const offset = place * MIB;
    if (source.readAt(head, offset) < head.length || !METADATA_TABLE.hasSignature(head)) continue;
    if (occupied.overlapping(offset, MIB) !== undefined) continue;
    const region = { guid: METADATA_REGION, offset, length: MIB, required: true };
    if (readable(() => readMetadata(source, region)) !== undefined) yield region;
  }
}

function geometryOf(
  source: ByteSource,
  metadata: Region | undefined,
  { assumed: { size, blockSize, sectorSize } }: Damages,
): BatGeometry | undefined {
  const read = metadata && readable(() => readMetadata(source, metadata));
  const virtualSize = size ?? read?.virtualSize;
  const block = blockSize ?? read?.blockSize;
  const logicalSectorSize = sectorSize ?? read?.logicalSectorSize;
  if (virtualSize === undefined || block === undefined || logicalSectorSize === undefined) {
    return undefined;
  }
  return { virtualSize, blockSize: block, logicalSectorSize, hasParent: read?.hasParent ?? false };
}

/** Looks for a block allocation table by its entries: all of a table must keep the rules. */
class TableSearch {
  readonly #source: ByteSource;
  readonly #fileSize: number;
  readonly #geometry: BatGeometry;
  readonly #occupied: OccupiedRanges;
  readonly #metadata: Region | undefined;
  readonly #count: number;
  #left = MAX_ENTRIES;

  constructor(
    source: ByteSource,
    fileSize: number,
    geometry: BatGeometry,
    occupied: OccupiedRanges,
    metadata: Region | undefined,
  ) {
    this.#source = source;
    this.#fileSize = fileSize;
    this.#geometry = geometry;
    this.#occupied = occupied;
    this.#metadata = metadata;
    this.#count = batEntryCount(geometry);
  }

  *places(places: number): Generator<Region> {
    const length = Math.ceil(this.#count * BAT_ENTRY_LENGTH / MIB) * MIB;
    for (let place = 1; place < places; place++) {
      const region = { guid: BAT_REGION, offset: place * MIB, length, required: true };
      if (this.#isTable(region)) yield region;
    }
  }

  #isTable(region: Region): boolean {
    const { offset, length } = region;
    if (this.#occupied.overlapping(offset, length) !== undefined) return false;
    const used = new SpaceMap();
    const other = this.#metadata;
    if (other !== undefined && !used.take(other.offset / MIB, other.length / MIB)) return false;
    if (!used.take(offset / MIB, length / MIB)) return false;
    let blocks = 0;
    const ratio = chunkRatio(this.#geometry);
    const bytes = new Uint8Array(PIECE);
    const view = new DataView(bytes.buffer);
    for (let first = 0; first < this.#count; first += PIECE / BAT_ENTRY_LENGTH) {
      const count = Math.min(PIECE / BAT_ENTRY_LENGTH, this.#count - first);
      this.#left -= count;
      // A file in which so much looks like a table is made so.
      if (this.#left < 0) return false;
      const piece = bytes.subarray(0, count * BAT_ENTRY_LENGTH);
      if (this.#source.readAt(piece, offset + first * BAT_ENTRY_LENGTH) < piece.length) {
        return false;
      }
      for (let i = 0; i < count; i++) {
        const low = view.getUint32(i * BAT_ENTRY_LENGTH, true);
        const high = view.getUint32(i * BAT_ENTRY_LENGTH + 4, true);
        if (low === 0 && high === 0) continue;
        if ((low & RESERVED_MASK) !== 0) return false;
        const isBitmap = (first + i) % (ratio + 1) === ratio;
        const placed = this.#isEntry(decodeEntry(low, high), isBitmap, used);
        if (placed === undefined) return false;
        if (placed) blocks++;
      }
    }
    return blocks > 0;
  }

  /** Whether an entry names a block in the file; `undefined` if it breaks a rule. */
  #isEntry(
    { state, fileOffset }: { readonly state: number; readonly fileOffset: number },
    isBitmap: boolean,
    used: SpaceMap,
  ): boolean | undefined {
    const { blockSize, hasParent } = this.#geometry;
    if (isBitmap && !hasParent) return undefined;
    const isPlaced = state === PAYLOAD.FULLY_PRESENT ||
      state === PAYLOAD.PARTIALLY_PRESENT && hasParent && !isBitmap;
    if (!isPlaced) {
      return state <= PAYLOAD.UNMAPPED && fileOffset < MAX_FILE_SIZE ? false : undefined;
    }
    const length = isBitmap ? MIB : blockSize;
    if (fileOffset < MIB || fileOffset + length > MAX_FILE_SIZE) return undefined;
    if (this.#occupied.overlapping(fileOffset, length) !== undefined) return undefined;
    if (fileOffset >= this.#fileSize) return false;
    return used.take(fileOffset / MIB, length / MIB) ? true : undefined;
  }
}
