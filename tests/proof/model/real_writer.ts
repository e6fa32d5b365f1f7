/**
 * Holds the real writer to the model of the log: what a path through the model does to its disk is done to a VHDX file
 * in memory, every change that the writer makes to the file must be the one that the model makes, and after each crash
 * the file must hold what the model says.
 */
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import type { WritableImage } from "../../../src/portable/image/image.ts";
import { HEADER } from "../../../src/portable/vhdx/header.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { decodeDescriptor, LOG_HEADER } from "../../../src/portable/vhdx/log_entry.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { type Change, RecordingSource } from "../../crash/recording_source.ts";
import type { SparseFile } from "../../crash/sparse_file.ts";
import { BAT, FIRST_BLOCK, HEADERS, LOG, MIB, vhdxSpec } from "../../portable/vhdx/vhdx_builder.ts";
import type { Macros } from "./spin.ts";

/** What the writer's own sizes make of the model's. */
export const REAL_SIZES = { RING: 256, START: 0, PLACES: 7 } as const;

/** A path with several lives. */
export const PATH: Macros = { ...REAL_SIZES, STEPS: 25, CRASHES: 5 };
/** A path that is flushed after every change, so that the log goes around; a crash may come at any time. */
export const ENDLESS_PATH: Macros = { ...REAL_SIZES, STEPS: 250, CRASHES: 1, ENDLESS: true };

const SECTOR = 4096;
/** Blocks of the disk: of each, a page of the table says where it lies, in bytes that are in a data sector of the log. */
const BLOCKS = [1, SECTOR / 8 + 1] as const;
/** The number of the newest header of a new file, in the model. */
const FIRST_NUMBER = 2n;

/** What a path was. */
export interface Conformance {
  /** Changes of the file, flushes included. */
  readonly changes: number;
  readonly crashes: number;
  /** How often an entry went around the end of the log. */
  readonly wraps: number;
}

/**
 * Follows a path of the model.
 *
 * @throws {Error} Where the writer does something else than the model.
 */
export function follow(events: readonly string[]): Conformance {
  const follower = new Follower();
  for (const [i, event] of events.entries()) {
    try {
      follower.take(event.slice(1).split(" "));
    } catch (error) {
      const before = events.slice(Math.max(0, i - 15), i).join("\n");
      throw new Error(`after\n${before}\nthe model: ${event}\n${error}`, { cause: error });
    }
  }
  return follower.seen;
}

class Follower {
  readonly seen = { changes: 0, crashes: 0, wraps: 0 };
  /** What is durable, and what reads see. */
  #kept = newImage(createVhdxIn, vhdxSpec({ virtualSize: (BLOCKS[1] + 1) * MIB }));
  #now = this.#kept.fork();
  readonly #guids: string[] = [NIL_GUID];
  readonly #numberBefore = newestNumber(this.#kept) - FIRST_NUMBER;
  #image: WritableImage | undefined;
  /** What the writer has done, and how much of it the model has done too. */
  #recording = new RecordingSource<never>(this.#kept);
  #done = 0;
  /** The part of an entry that is still to come, at the start of the log. */
  #rest: number | undefined;
  #isLost = false;

  take([kind, ...words]: readonly string[]): void {
    switch (kind) {
      case "open":
        this.#finishChanges();
        if (this.#isLost) this.#now = this.#kept.fork();
        this.#isLost = false;
        this.#recording = new RecordingSource(this.#now.fork());
        this.#done = 0;
        this.#rest = undefined;
        this.#image = undefined;
        return;
      case "sees":
        return this.#see(words.filter((_, i) => i % 2 === 0).map(Number));
      case "do":
        // Opening replays what a crash left: it comes first, even if nothing is done.
        this.#open();
        this.#finishChanges();
        return this.#do(words[0]!, Number(words[1]), Number(words[2]));
      case "crash":
        this.seen.crashes++;
        this.#isLost = true;
        return;
      case "fate":
        return this.#decide(Number(words[0]), Number(words[1]), words[2]!);
      case "end":
        this.#open();
        return this.#finishChanges();
      default:
        this.#open();
        return this.#change([kind, ...words].join(" "));
    }
  }

  #open(): WritableImage {
    return this.#image ??= openWritableVhdx(this.#recording);
  }

  #do(what: string, block: number, stamp: number): void {
    const image = this.#open();
    const offset = (BLOCKS[block] ?? 0) * MIB;
    switch (what) {
      case "write":
        return image.write(new Uint8Array(SECTOR).fill(stamp), offset);
      case "trim":
        return image.trim(offset, MIB);
      case "flush":
        return image.flush();
      default:
        return image.finish();
    }
  }

  /** The next change of the writer is the model's. */
  #change(expected: string): void {
    const change = this.#recording.changes[this.#done++];
    const found = change === undefined ? "nothing more" : this.#nameOf(change);
    if (found !== expected) throw new Error(`the writer: ${found}`);
    this.seen.changes++;
    if (change!.kind === "flush") this.#kept = this.#now.fork();
    else if (change!.kind === "truncate") this.#now.truncate(change!.size);
    else this.#now.writeAt(change!.bytes, change!.offset);
  }

  /** What the writer did is what the model did, and no more; what a crash came before does not count. */
  #finishChanges(): void {
    const left = this.#recording.changes.slice(this.#done);
    if (left.length > 0 && !this.#isLost) {
      throw new Error(`the writer also: ${this.#nameOf(left[0]!)}`);
    }
    this.#done = this.#recording.changes.length;
  }

  /** A change in the words of the model. */
  #nameOf(change: Change): string {
    if (change.kind === "flush") return "flush";
    if (change.kind === "truncate") return `size ${placesBefore(change.size)}`;
    const { bytes, offset } = change;
    const slot = HEADERS.findIndex((each) => each === offset);
    if (slot >= 0) {
      const { sequenceNumber, logGuid } = HEADER.unpack(bytes);
      return `header ${slot} number ${sequenceNumber - this.#numberBefore} log ${
        this.#guidNumber(logGuid)
      }`;
    }
    if (offset >= LOG && offset < LOG + MIB) return this.#nameOfLogWrite(bytes, offset);
    const page = (offset - BAT) / SECTOR;
    if ((page === 0 || page === 1) && bytes.length === SECTOR) return `page ${page}`;
    const place = placesBefore(offset) + 1;
    if (place >= 1 && bytes.length === SECTOR && bytes.every((byte) => byte === bytes[0])) {
      return `place ${place} stamp ${bytes[0]}`;
    }
    return `${bytes.length} bytes at ${offset}`;
  }

  #nameOfLogWrite(bytes: Uint8Array, offset: number): string {
    if (this.#rest !== undefined) {
      const isRest = offset === LOG && bytes.length === this.#rest;
      this.#rest = undefined;
      if (isRest) {
        this.seen.wraps++;
        return "log rest";
      }
    }
    const header = LOG_HEADER.unpack(bytes);
    const at = offset - LOG;
    // The model has entries that are their own tail, and files that need not become longer in the replay.
    if (header.tail !== at) return `an entry at ${at} with the tail ${header.tail}`;
    if (header.lastFileOffset !== header.flushedFileOffset) {
      return "an entry that lengthens the file";
    }
    if (header.length > bytes.length) this.#rest = header.length - bytes.length;
    let pages = 0;
    for (let i = 0; i < header.descriptorCount; i++) {
      const target = decodeDescriptor(bytes, LOG_HEADER.size + 32 * i, header.sequenceNumber)!;
      pages |= 1 << ((target.targetOffset - BAT) / SECTOR);
    }
    this.#guidNumber(header.logGuid);
    const size = placesBefore(header.flushedFileOffset);
    return `log ${at / SECTOR} pages ${pages} number ${header.sequenceNumber} size ${size}`;
  }

  /** GUIDs in the order in which they came up. */
  #guidNumber(guid: string): number {
    const known = this.#guids.indexOf(guid);
    return known >= 0 ? known : this.#guids.push(guid) - 1;
  }

  /** What becomes of a piece that was not flushed. */
  #decide(kind: number, index: number, fate: string): void {
    if (fate === "old") return;
    if (kind === SIZE) return this.#kept.truncate(this.#now.size);
    const offset = STARTS[kind]!(index);
    const [old, written] = [this.#kept, this.#now].map((file) => {
      const bytes = new Uint8Array(SECTOR);
      file.readAt(bytes, offset);
      return bytes;
    }) as [Uint8Array, Uint8Array];
    this.#kept.writeAt(fate === "torn" ? torn(old, written) : written, offset);
  }

  /** A block of the disk is where the model has it, and holds the same. */
  #see([block = 0, place = 0, stamp = 0]: readonly number[]): void {
    const offset = BLOCKS[block]! * MIB;
    const image = openVhdx(this.#now);
    const extent = image.extent(offset, offset + SECTOR);
    const at = extent.kind === "file" ? placesBefore(extent.fileOffset) + 1 : 0;
    if (at !== place) throw new Error(`block ${block} is at place ${at}`);
    if (at === 0) return;
    const bytes = new Uint8Array(SECTOR);
    image.source.readAt(bytes, FIRST_BLOCK + (at - 1) * MIB);
    if (bytes.some((byte) => byte !== stamp)) throw new Error(`block ${block} holds ${bytes[0]}`);
  }
}

/** The kinds of pieces, by number: where each begins in the file. */
const STARTS: readonly ((index: number) => number)[] = [
  (index) => HEADERS[index]!,
  (index) => LOG + index * SECTOR,
  (index) => BAT + index * SECTOR,
  () => 0,
  (index) => FIRST_BLOCK + (index - 1) * MIB,
];
const SIZE = 3;

const placesBefore = (offset: number) => Math.floor((offset - FIRST_BLOCK) / MIB);

function newestNumber(file: SparseFile): bigint {
  const numbers = HEADERS.map((offset) => {
    const bytes = new Uint8Array(HEADER.size);
    file.readAt(bytes, offset);
    return HEADER.get(bytes, "sequenceNumber");
  });
  return numbers.reduce((a, b) => a > b ? a : b);
}

/** New up to the middle of what differs, old behind it: neither of the two. */
function torn(old: Uint8Array, written: Uint8Array): Uint8Array {
  const differs = (byte: number, i: number) => byte !== old[i];
  const middle = Math.ceil((written.findIndex(differs) + written.findLastIndex(differs)) / 2);
  const bytes = old.slice();
  bytes.set(written.subarray(0, middle));
  return bytes;
}
