/**
 * Large tables of images, most of which may be blank: the entries of blocks that the file does not have. Where a table
 * is blank is found out by native comparisons of many entries at once, and remembered: going through a disk takes as
 * long as reading its table, not as its blocks.
 *
 * @module
 */
import { isAllOnes, isAllZero } from "../../bytes/zeros.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { type ByteSource, readStructureInto, viewOf } from "./byte_source.ts";
import { PageCache } from "./page_cache.ts";
import { giveBackSpareBytes, SPARE_LENGTH, takeSpareBytes, withSpareBytes } from "./spare_bytes.ts";

/** A table in a file. */
export interface LargeTable {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Bytes, whole entries. */
  readonly length: number;
  /** The bits of an entry that says nothing. */
  readonly blank: "zeros" | "ones";
  /** Names the table in errors. */
  readonly structure: string;
  /** The error of a table that the file is too short for. */
  readonly code: ErrorSymbol;
}

/** A part of a table. */
export interface TablePart {
  /** Where it begins in the table, in bytes: a multiple of 4096. */
  readonly at: number;
  /** Its bytes, until the next part is asked for. */
  readonly view: DataView;
}

/** Bytes of a part, but for the last one of a table. */
const PART_LENGTH = 4096;

/** Is told of bytes that were read, at which place in the table and how many, whether all of them are blank. */
type PartObserver = (at: number, length: number, isBlank: boolean) => void;

/** Whether no entry in `bytes` says something. */
function isBlankPart(bytes: Uint8Array, blank: LargeTable["blank"]): boolean {
  return blank === "zeros" ? isAllZero(bytes) : isAllOnes(bytes);
}

/**
 * The parts that have an entry that says something, in order. Blank ones are passed over by native comparisons.
 *
 * @param seen Is told of each part, or of several that are all blank.
 */
export function* usedParts(
  source: ByteSource,
  { offset, length, blank, structure, code }: LargeTable,
  seen?: PartObserver,
): Generator<TablePart> {
  const buffer = takeSpareBytes();
  try {
    for (let done = 0; done < length; done += buffer.length) {
      const piece = buffer.subarray(0, Math.min(buffer.length, length - done));
      readStructureInto(piece, source, offset + done, structure, code);
      if (isBlankPart(piece, blank)) {
        seen?.(done, piece.length, true);
        continue;
      }
      const used: number[] = [];
      for (let at = 0; at < piece.length; at += PART_LENGTH) {
        const part = piece.subarray(at, at + PART_LENGTH);
        const isBlank = isBlankPart(part, blank);
        if (!isBlank) used.push(at);
        seen?.(done + at, part.length, isBlank);
      }
      // Whoever has them may change the table: until then all of the piece is as it was read.
      for (const at of used) {
        yield { at: done + at, view: viewOf(piece.subarray(at, at + PART_LENGTH)) };
      }
    }
  } finally {
    giveBackSpareBytes(buffer);
  }
}

/** Pages that are read at once of a part of the table that many blocks are in. */
const READ_AHEAD = 16;

/** What is known of a part. */
const UNKNOWN = 0;
const BLANK = 1;
const USED = 2;

/** As many as are compared at once. */
const MOST_PARTS = SPARE_LENGTH / PART_LENGTH;
/** Before any has been looked at. */
const NONE = new Uint8Array(0);

/** Reads the entries of a table, all of which the file has or which are refused. */
export class SparseTable {
  readonly #source: ByteSource;
  readonly #table: LargeTable;
  readonly #entries: PageCache;
  readonly #blankWord: number;
  readonly #partCount: number;
  /** A byte for each part, as far as any has been looked at. */
  #parts: Uint8Array<ArrayBuffer> = NONE;
  /** Where in the file the blank entries ended that were found last: who goes on there walks. */
  #walkedTo = -1;
  /** How many parts a walk looks at next: more, the further it has come. */
  #step = 1;

  constructor(source: ByteSource, table: LargeTable) {
    this.#source = source;
    this.#table = table;
    this.#entries = new PageCache(source, table.structure, table.code, {
      readAhead: { pages: READ_AHEAD, end: table.offset + table.length },
    });
    this.#blankWord = table.blank === "zeros" ? 0 : 0xffff_ffff;
    this.#partCount = Math.ceil(table.length / PART_LENGTH);
  }

  /** The word at `offset` of the file, a multiple of 4. */
  uint32(offset: number, littleEndian: boolean): number {
    return this.#parts[this.#partAt(offset)] === BLANK
      ? this.#blankWord
      : this.#entries.uint32(offset, littleEndian);
  }

  /**
   * Where in the file the blank words end that begin at `offset`, as far as is known or found out by one read. The
   * first read looks no further than a page, those of a walk further and further.
   *
   * @param limit Nobody asks what lies behind it in the file.
   */
  blankUntil(offset: number, limit: number): number {
    let part = this.#partAt(offset);
    if (offset === this.#walkedTo && !this.#parts[part]) this.#look(part);
    let end = offset;
    if (this.#parts[part] === BLANK) {
      const { offset: start, length } = this.#table;
      const last = Math.min(limit, start + length);
      do end = start + ++part * PART_LENGTH; while (end < last && this.#parts[part] === BLANK);
      end = Math.min(end, last);
    } else if (this.#entries.uint32(offset, false) === this.#blankWord) {
      end += this.#entries.equalWords(offset) * Uint32Array.BYTES_PER_ELEMENT;
    }
    return this.#walkedTo = end;
  }

  /**
   * The parts of the table from `offset` of the file on that have an entry that says something, in order; all are
   * read anew, but for a table that a page holds: there will be more to be asked of that.
   *
   * @param offset A multiple of the length of an entry.
   */
  usedParts(offset: number, length: number): Iterable<TablePart> {
    const { pieceLength } = this.#entries;
    if (length > 0 && offset % pieceLength + length <= pieceLength) {
      return [{ at: 0, view: viewOf(this.#entries.bytes(offset, length)) }];
    }
    const first = (offset - this.#table.offset) / PART_LENGTH;
    const seen = Number.isInteger(first)
      ? (at: number, length: number, isBlank: boolean) => this.#note(first, at, length, isBlank)
      : undefined;
    return usedParts(this.#source, { ...this.#table, offset, length }, seen);
  }

  /** Forgets what was read of the `length` bytes at `offset` of the file, after these have been written. */
  forget(offset: number, length: number): void {
    this.#entries.forget(offset, length);
    this.#parts.fill(UNKNOWN, this.#partAt(offset), this.#partAt(offset + length - 1) + 1);
  }

  /** Forgets everything, after the file has been written. */
  clear(): void {
    this.#entries.clear();
    this.#parts = NONE;
  }

  #partAt(offset: number): number {
    return Math.floor((offset - this.#table.offset) / PART_LENGTH);
  }

  /** Looks at some parts; those that the file does not have are left to whoever asks for their entries. */
  #look(part: number): void {
    if (part >= this.#partCount) return;
    const { offset, length, blank } = this.#table;
    const at = part * PART_LENGTH;
    withSpareBytes(Math.min(this.#step * PART_LENGTH, length - at), (bytes) => {
      const present = bytes.subarray(0, this.#source.readAt(bytes, offset + at));
      if (isBlankPart(present, blank)) return this.#note(part, 0, present.length, true);
      for (let done = 0; done < present.length; done += PART_LENGTH) {
        const piece = present.subarray(done, done + PART_LENGTH);
        this.#note(part, done, piece.length, isBlankPart(piece, blank));
      }
    });
    this.#step = Math.min(MOST_PARTS, 2 * this.#step);
  }

  /** Remembers what the `length` bytes are that lie `at` behind the beginning of a part; of whole parts. */
  #note(first: number, at: number, length: number, isBlank: boolean): void {
    const start = first + at / PART_LENGTH;
    const isToEnd = start * PART_LENGTH + length >= this.#table.length;
    const end = isToEnd ? this.#partCount : start + Math.floor(length / PART_LENGTH);
    if (end > this.#parts.length) {
      const more = new Uint8Array(Math.min(this.#partCount, Math.max(2 * this.#parts.length, end)));
      more.set(this.#parts);
      this.#parts = more;
    }
    this.#parts.fill(isBlank ? BLANK : USED, start, end);
  }
}
