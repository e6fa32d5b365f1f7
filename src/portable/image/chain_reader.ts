/**
 * Reads a chain in small pieces, and keeps what it finds out: which file has a place of the disk, and where. The tables
 * and bitmaps of all files are then asked once, not at every read. Files that nobody writes stay as they are, and so
 * does what is known of them; a child that is written is asked each time, and what is kept is of its parents.
 *
 * @module
 */
import { partOf } from "../file/byte_source.ts";
import { type ChainExtent, chainExtent, readChain, readExtent, readFile } from "./extents.ts";
import type { DiskImage } from "./image.ts";

/** Bytes of the disk of which it is kept together where they are. */
const WINDOW = 2 ** 20;
/** A power of two: so many windows at most, of 2 GiB. One displaces another whose number has the same last bits. */
const SLOTS = 2048;
/** With so many reads of a window it is found out where all of it is: that takes about as long as they did. */
const READS_TO_LEARN = 16;
/** Pieces of a window that are found out at most: of one in more of them the rest is asked for at every read. */
const MAX_PIECES = 512;
/** Longer reads take their time anyhow, and may go on in another window. */
const LONGEST_READ = 64 * 1024;
/**
 * What is told apart within a window, as the power of two: what most programs read and write, if all pieces are whole
 * ones of it, for then eight times as many windows stay in the caches of the processor; else what every sector is a
 * multiple of.
 */
const COARSE_GRAIN = 12;
const FINE_GRAIN = 9;

// In place of the number of a file.
/** Zeros. */
const ZEROS = 252;
/** Parts of the window are in different files. */
const MIXED = 253;
/** The window has not been read often. */
const UNLEARNED = 254;
/** Of a part: to be found out at every read. */
const UNKNOWN = 255;

/** Where the parts of a window are. */
interface Parts {
  /** Bytes of a grain, as the power of two. */
  readonly grain: number;
  /** Of each grain the number of its file, {@linkcode ZEROS} or {@linkcode UNKNOWN}. */
  readonly files: Uint8Array;
  /** Where in each file the window would begin: NaN if nothing of it has been found there. */
  readonly starts: Float64Array;
}

/** Reads through files which nobody writes. */
class ChainMap {
  readonly #images: readonly DiskImage[];
  readonly #size: number;
  // By the last bits of its number: which window it is, how often it was read, which file it is in, and where it
  // begins there.
  readonly #windows = new Int32Array(SLOTS).fill(-1);
  readonly #reads = new Uint8Array(SLOTS);
  readonly #files = new Uint8Array(SLOTS);
  readonly #starts = new Float64Array(SLOTS);
  readonly #parts = new Array<Parts | undefined>(SLOTS);

  /** @param images The child first. */
  constructor(images: readonly DiskImage[]) {
    this.#images = images;
    this.#size = images[0]!.virtualSize;
  }

  /** As {@linkcode read}; what is beyond the end of the first file are zeros. */
  readPadded(buffer: Uint8Array, offset: number): void {
    const length = Math.max(0, Math.min(buffer.length, this.#size - offset));
    this.read(buffer.subarray(0, length), offset);
    buffer.fill(0, length);
  }

  /** Fills a short `buffer` from `offset` on; the caller keeps the range inside the first file. */
  read(buffer: Uint8Array, offset: number): void {
    const window = Math.floor(offset / WINDOW);
    const slot = window & (SLOTS - 1);
    const inWindow = offset - window * WINDOW;
    if (this.#windows[slot] === window && inWindow + buffer.length <= WINDOW) {
      const file = this.#files[slot]!;
      if (file < ZEROS) {
        return readFile(this.#images[file]!.source, buffer, this.#starts[slot]! + inWindow);
      }
    }
    for (let done = 0; done < buffer.length;) {
      done += this.#readPart(partOf(buffer, done, buffer.length), offset + done);
    }
  }

  /** Reads as much as is in one window, and in one file; gives its length. */
  #readPart(buffer: Uint8Array, offset: number): number {
    const window = Math.floor(offset / WINDOW);
    const slot = window & (SLOTS - 1);
    const inWindow = offset - window * WINDOW;
    let end = Math.min(WINDOW, inWindow + buffer.length);
    let file = this.#fileOf(window, slot);
    let start = this.#starts[slot]!;
    if (file === MIXED) {
      const { grain, files, starts } = this.#parts[slot]!;
      let next = inWindow >> grain;
      const last = end - 1 >> grain;
      file = files[next++]!;
      while (next <= last && files[next] === file) next++;
      start = starts[file] ?? 0;
      end = Math.min(end, next << grain);
    }
    const length = end - inWindow;
    const target = partOf(buffer, 0, length);
    if (file < ZEROS) readFile(this.#images[file]!.source, target, start + inWindow);
    else if (file === ZEROS) target.fill(0);
    else readChain(this.#images, target, offset);
    return length;
  }

  /** The file that a window is in, or what stands in place of its number. */
  #fileOf(window: number, slot: number): number {
    if (this.#windows[slot] !== window) {
      this.#windows[slot] = window;
      this.#reads[slot] = 0;
      this.#files[slot] = UNLEARNED;
    }
    if (this.#files[slot] === UNLEARNED && ++this.#reads[slot]! === READS_TO_LEARN) {
      this.#learn(window, slot);
    }
    return this.#files[slot]!;
  }

  /** A window that is in one file, or is zeros, takes no more memory than that. */
  #learn(window: number, slot: number): void {
    const start = window * WINDOW;
    const end = Math.min(start + WINDOW, this.#size);
    const pieces: ChainExtent[] = [];
    try {
      for (let at = start; at < end && pieces.length < MAX_PIECES;) {
        const piece = chainExtent(this.#images, at, end);
        pieces.push(piece);
        at += piece.length;
      }
    } catch {
      // What is wrong there concerns whoever reads it.
    }
    const [first] = pieces;
    if (first?.length === end - start && fileOf(first) !== UNKNOWN) {
      this.#files[slot] = fileOf(first);
      this.#starts[slot] = first.kind === "file" ? first.fileOffset : 0;
      return;
    }
    this.#files[slot] = MIXED;
    const isWhole = (at: number) => at % 2 ** COARSE_GRAIN === 0;
    const isCoarse = pieces.every(({ offset, length }) => isWhole(offset) && isWhole(length));
    const grain = isCoarse ? COARSE_GRAIN : FINE_GRAIN;
    const parts: Parts = {
      grain,
      files: new Uint8Array(WINDOW >> grain).fill(UNKNOWN),
      starts: new Float64Array(this.#images.length).fill(Number.NaN),
    };
    for (const piece of pieces) keep(parts, piece, start);
    this.#parts[slot] = parts;
  }
}

/** What stands for a piece in a map. */
function fileOf(piece: ChainExtent): number {
  if (piece.kind === "zero") return ZEROS;
  return piece.kind === "file" && piece.depth < ZEROS ? piece.depth : UNKNOWN;
}

/** Keeps where the whole grains of a piece are; not if those before it are elsewhere in the same file. */
function keep({ grain, files, starts }: Parts, piece: ChainExtent, window: number): void {
  const file = fileOf(piece);
  const inWindow = piece.offset - window;
  if (piece.kind === "file" && file !== UNKNOWN) {
    const start = piece.fileOffset - inWindow;
    if (Number.isNaN(starts[file])) starts[file] = start;
    else if (starts[file] !== start) return;
  }
  const grainSize = 2 ** grain;
  const first = Math.ceil(inWindow / grainSize);
  files.fill(file, first, Math.floor((inWindow + piece.length) / grainSize));
}

/** Reads an open chain. */
export class ChainReader {
  readonly #images: readonly DiskImage[];
  readonly #asked: readonly DiskImage[];
  readonly #others: readonly DiskImage[];
  #map: ChainMap | undefined;

  /**
   * @param images The child first.
   * @param asked How many of them, from the child on, are asked at every read: what is written, or may be damaged.
   */
  constructor(images: readonly DiskImage[], asked: number) {
    this.#images = images;
    this.#asked = images.slice(0, asked);
    this.#others = images.slice(asked);
  }

  /** Fills `buffer` from `offset` on; the caller keeps the range inside the disk. */
  read(buffer: Uint8Array, offset: number): void {
    if (buffer.length > LONGEST_READ || this.#others.length === 0) {
      return readChain(this.#images, buffer, offset);
    }
    this.#map ??= new ChainMap(this.#others);
    if (this.#asked.length === 0) return this.#map.read(buffer, offset);
    for (let done = 0; done < buffer.length;) {
      const part = chainExtent(this.#asked, offset + done, offset + buffer.length);
      const target = partOf(buffer, done, done + part.length);
      if (part.kind === "absent") this.#map.readPadded(target, part.offset);
      else readExtent(this.#images, part, target);
      done += part.length;
    }
  }
}
