/**
 * A disk put together to so many cells as a picture has room for, and to totals.
 *
 * @module
 */
import type {
  Extent,
  ImageDetails,
  LossReason,
  PartitionSpace,
  PartitionTableDetails,
} from "../../portable.ts";

/** A piece, and, if that was asked, whether the file systems say that it is free. */
export type Piece = Extent & { readonly free?: boolean };

/**
 * What bytes of a disk can be: in the file of a depth (0 is the disk's own), there but free by its file system, lost,
 * zeros of three kinds, or in a parent that is not open.
 */
export type Kind = number | "free" | "lost" | "zero" | "trimmed" | "unallocated" | "absent";

/** The kinds that no file stores, in the order in which a cell prefers them. */
const UNSTORED = ["lost", "absent", "zero", "trimmed", "unallocated"] as const;

/** What a cell shows. */
export interface Cell {
  readonly kind: Kind;
  /** Of what is in a file, or lost: whether that is less than half of the cell. */
  readonly isPart: boolean;
}

/** A part of the disk that is drawn for itself. */
export interface Section {
  /** Bytes from the start of the disk. */
  readonly offset: number;
  readonly end: number;
  /** As tools number it; absent if it is none. */
  readonly partition?: { readonly number: number; readonly type: string };
  /** What is in it, by its file systems. */
  readonly space?: PartitionSpace;
}

/** How much of the disk is in one of its files, and how it lies there. */
export interface FileTotals {
  readonly path: string;
  readonly depth: number;
  /** Bytes of the disk. */
  readonly bytes: number;
  /** Of these, what the file systems say is free. */
  readonly freeBytes: number;
  /** Runs of bytes that lie in the file as in the disk. */
  readonly pieces: number;
  /** How many blocks; absent if the image has none. */
  readonly blocks?: number;
  /** How scattered they are, from 0 to 1: see {@linkcode FileOrder}; absent if the image has no blocks. */
  readonly fragmentation?: number;
}

/** How many bytes of the disk are what. */
export interface MapTotals {
  /** The range that was looked at, in bytes. */
  readonly offset: number;
  readonly length: number;
  /** The child first. */
  readonly files: readonly FileTotals[];
  readonly storedBytes: number;
  readonly zeroBytes: number;
  readonly trimmedBytes: number;
  readonly unallocatedBytes: number;
  readonly absentBytes: number;
  readonly lostBytes: number;
  /** Only reasons that there are. */
  readonly lostBytesByReason: { readonly [R in LossReason]?: number };
}

/** What a map is made for. */
export interface MapOptions {
  /** Of the disk. */
  readonly offset: number;
  readonly end: number;
  /** The child first. */
  readonly images: readonly ImageDetails[];
  readonly partitionTable?: PartitionTableDetails | undefined;
  readonly spaces?: readonly PartitionSpace[] | undefined;
  /** Cells in a row. */
  readonly columns: number;
  /** About so many rows. */
  readonly rows: number;
}

/** Takes the pieces of a disk, in their order. */
export class DiskMap {
  readonly offset: number;
  readonly end: number;
  readonly columns: number;
  readonly sections: readonly Section[];
  /** Bytes of a cell. */
  readonly cellSize: number;
  readonly #images: readonly ImageDetails[];
  readonly #cells: readonly Cells[];
  readonly #orders: readonly FileOrder[];
  readonly #bytes: Float64Array;
  readonly #freeBytes: Float64Array;
  readonly #lostBytes = new Map<LossReason, number>();
  readonly #depths: ReadonlyMap<string, number>;
  #section = 0;

  constructor({ offset, end, images, partitionTable, spaces, columns, rows }: MapOptions) {
    this.offset = offset;
    this.end = end;
    this.columns = columns;
    this.sections = sectionsOf(offset, end, partitionTable, spaces);
    this.cellSize = cellSizeFor(this.sections, columns, rows);
    this.#images = images;
    this.#depths = new Map(images.map(({ path }, depth) => [path, depth]));
    const kinds = images.length + 1 + UNSTORED.length;
    this.#cells = this.sections.map((section) => new Cells(section, this.cellSize, kinds));
    this.#orders = images.map(({ blockSize }) => new FileOrder(blockSize));
    this.#bytes = new Float64Array(kinds);
    this.#freeBytes = new Float64Array(images.length);
  }

  /** Takes the next piece. */
  add(piece: Piece): void {
    const { offset, length } = piece;
    const depth = this.#depthOf(piece);
    const kind = this.#kindOf(piece, depth);
    if (depth !== undefined && "path" in piece) {
      this.#bytes[depth]! += length;
      if (piece.free) this.#freeBytes[depth]! += length;
      this.#orders[depth]!.add(offset, length, piece.fileOffset!);
    } else this.#bytes[kind]! += length;
    if (piece.kind === "lost") {
      this.#lostBytes.set(piece.reason, (this.#lostBytes.get(piece.reason) ?? 0) + length);
    }
    while (this.#section < this.sections.length) {
      const section = this.sections[this.#section]!;
      this.#cells[this.#section]!.add(kind, offset, offset + length);
      if (offset + length < section.end) break;
      this.#section++;
      if (offset + length === section.end) break;
    }
  }

  /** The cells of a section. */
  cells(section: Section): Cell[] {
    const cells = this.#cells[this.sections.indexOf(section)]!;
    return Array.from({ length: cells.count }, (_, index) => this.#cell(cells, index));
  }

  /** Bytes of a section that are lost. */
  lostBytes(section: Section): number {
    const cells = this.#cells[this.sections.indexOf(section)]!;
    const lost = this.#indexOf("lost");
    let bytes = 0;
    for (let index = 0; index < cells.count; index++) bytes += cells.bytes(index, lost);
    return bytes;
  }

  get totals(): MapTotals {
    const files = this.#images.map(({ path }, depth): FileTotals => ({
      path,
      depth,
      bytes: this.#bytes[depth]!,
      freeBytes: this.#freeBytes[depth]!,
      ...this.#orders[depth]!.result,
    }));
    const of = (kind: typeof UNSTORED[number]) => this.#bytes[this.#indexOf(kind)]!;
    return {
      offset: this.offset,
      length: this.end - this.offset,
      files,
      storedBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      zeroBytes: of("zero"),
      trimmedBytes: of("trimmed"),
      unallocatedBytes: of("unallocated"),
      absentBytes: of("absent"),
      lostBytes: of("lost"),
      lostBytesByReason: Object.fromEntries(this.#lostBytes),
    };
  }

  /** In which file a piece is. */
  #depthOf(piece: Piece): number | undefined {
    return !("path" in piece) || piece.path === undefined
      ? undefined
      : this.#depths.get(piece.path);
  }

  /** The number under which it is counted: depths, then free, then what is not stored. */
  #kindOf(piece: Piece, depth: number | undefined): number {
    if (piece.kind === "lost") return this.#indexOf("lost");
    if (piece.kind === "zero") return this.#indexOf(piece.reason ?? "unallocated");
    if (depth === undefined) return this.#indexOf("absent");
    return piece.free ? this.#images.length : depth;
  }

  #indexOf(kind: typeof UNSTORED[number]): number {
    return this.#images.length + 1 + UNSTORED.indexOf(kind);
  }

  /** Lost if anything of it is; what most of what is stored in it is; else what most of it is. */
  #cell(cells: Cells, index: number): Cell {
    const lost = cells.bytes(index, this.#indexOf("lost"));
    if (lost > 0) return { kind: "lost", isPart: lost * 2 < cells.length(index) };
    const stored = this.#images.length + 1;
    let best = 0;
    let sum = 0;
    for (let kind = 0; kind < stored; kind++) {
      sum += cells.bytes(index, kind);
      if (cells.bytes(index, kind) > cells.bytes(index, best)) best = kind;
    }
    if (sum > 0) {
      if (best === this.#images.length) return { kind: "free", isPart: false };
      return { kind: best, isPart: sum * 2 < cells.length(index) };
    }
    best = stored;
    for (let kind = stored; kind < stored + UNSTORED.length; kind++) {
      if (cells.bytes(index, kind) > cells.bytes(index, best)) best = kind;
    }
    return { kind: UNSTORED[best - stored]!, isPart: false };
  }
}

/** The bytes of each kind in each cell of a section. */
class Cells {
  readonly count: number;
  readonly #section: Section;
  readonly #cellSize: number;
  readonly #kinds: number;
  readonly #bytes: Float64Array;

  constructor(section: Section, cellSize: number, kinds: number) {
    this.count = Math.ceil((section.end - section.offset) / cellSize);
    this.#section = section;
    this.#cellSize = cellSize;
    this.#kinds = kinds;
    this.#bytes = new Float64Array(this.count * kinds);
  }

  /** Counts what of a range is in the section. */
  add(kind: number, offset: number, end: number): void {
    const start = Math.max(0, offset - this.#section.offset);
    const limit = Math.min(end, this.#section.end) - this.#section.offset;
    for (let at = start; at < limit;) {
      const index = Math.floor(at / this.#cellSize);
      const next = Math.min(limit, (index + 1) * this.#cellSize);
      this.#bytes[index * this.#kinds + kind]! += next - at;
      at = next;
    }
  }

  bytes(index: number, kind: number): number {
    return this.#bytes[index * this.#kinds + kind]!;
  }

  /** Bytes of a cell; the last one may be shorter. */
  length(index: number): number {
    const { offset, end } = this.#section;
    return Math.min(this.#cellSize, end - offset - index * this.#cellSize);
  }
}

/**
 * How the blocks of an image lie in its file, in the order of the disk: a block that does not lie behind the one
 * before it, with at most the length of a block between them (bitmaps of sectors lie there), is a jump. The
 * fragmentation is how many of the blocks that have one before them are jumps.
 */
export class FileOrder {
  readonly #blockSize: number;
  #blocks = 0;
  #jumps = 0;
  #pieces = 0;
  #lastBlock = -1;
  /** Where the last block begins in the file. */
  #lastPlace = 0;
  #end = -1;

  /** @param blockSize Bytes; 0 if the image has no blocks. */
  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** Takes the next piece of the disk that is in the file. */
  add(offset: number, length: number, fileOffset: number): void {
    if (fileOffset !== this.#end) this.#pieces++;
    this.#end = fileOffset + length;
    const size = this.#blockSize;
    if (size === 0) return;
    const first = Math.floor(offset / size);
    const last = Math.floor((offset + length - 1) / size);
    const place = fileOffset - offset % size;
    if (first !== this.#lastBlock) {
      const gap = place - this.#lastPlace - size;
      if (this.#blocks > 0 && !(gap >= 0 && gap <= size)) this.#jumps++;
      this.#blocks++;
    }
    this.#blocks += last - first;
    this.#lastBlock = last;
    this.#lastPlace = place + (last - first) * size;
  }

  get result(): Pick<FileTotals, "pieces" | "blocks" | "fragmentation"> {
    if (this.#blockSize === 0) return { pieces: this.#pieces };
    const fragmentation = this.#blocks < 2 ? 0 : this.#jumps / (this.#blocks - 1);
    return { pieces: this.#pieces, blocks: this.#blocks, fragmentation };
  }
}

/** The partitions and what lies between them, as far as they are in the range; or all as one. */
function sectionsOf(
  offset: number,
  end: number,
  table: PartitionTableDetails | undefined,
  spaces: readonly PartitionSpace[] = [],
): Section[] {
  const spaceOf = (number: number | undefined) => {
    const space = spaces.find(({ partition }) => partition === number);
    return space === undefined ? {} : { space };
  };
  const partitions = (table?.partitions ?? []).toSorted((a, b) => a.offset - b.offset);
  const sections: Section[] = [];
  let position = 0;
  for (const partition of partitions) {
    // Nobody knows whose the bytes are that two partitions have.
    if (partition.offset < position) return [{ offset, end }];
    if (partition.offset > position) sections.push({ offset: position, end: partition.offset });
    position = partition.offset + partition.length;
    const { number, type } = partition;
    const place = { offset: partition.offset, end: position };
    sections.push({ ...place, partition: { number, type }, ...spaceOf(number) });
  }
  if (sections.length === 0) return [{ offset, end, ...spaceOf(undefined) }];
  sections.push({ offset: position, end: Infinity });
  return sections
    .map((each) => ({
      ...each,
      offset: Math.max(offset, each.offset),
      end: Math.min(end, each.end),
    }))
    .filter((each) => each.offset < each.end);
}

/** No disk has smaller sectors. */
const SMALLEST_CELL = 512;

/** The smallest power of two with which the rows are few enough. */
function cellSizeFor(sections: readonly Section[], columns: number, rows: number): number {
  for (let size = SMALLEST_CELL;; size *= 2) {
    const count = sections.reduce(
      (sum, { offset, end }) => sum + Math.ceil(Math.ceil((end - offset) / size) / columns),
      0,
    );
    if (count <= rows + sections.length) return size;
  }
}
