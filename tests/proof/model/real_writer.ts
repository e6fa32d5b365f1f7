/**
 * Holds the real writer to the models: what a path through a model does to its disk is done to a VHDX file in memory,
 * every change that the writer makes to the file must be the one that the model makes, and after each crash the file
 * must hold what the model says.
 */
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import type { WritableImage } from "../../../src/portable/image/image.ts";
import { HEADER, readCurrentHeader } from "../../../src/portable/vhdx/header.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import {
  DATA_DESCRIPTOR,
  decodeDescriptor,
  LOG_HEADER,
  loggedPage,
} from "../../../src/portable/vhdx/log_entry.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { type Change, RecordingSource } from "../../crash/recording_source.ts";
import { HEADERS, LOG, MIB } from "../../portable/vhdx/vhdx_builder.ts";
import { type ModelledDisk, PAGE, type Piece, placeAt, stampOf } from "./modelled_disk.ts";

/** The number of the newest header of a new file, in the models. */
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
 * Follows a path of a model.
 *
 * @throws {Error} If the writer does something else than the model.
 */
export function follow(disk: ModelledDisk, events: readonly string[]): Conformance {
  const follower = new Follower(disk);
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
  readonly #disk: ModelledDisk;
  /** What is durable, and what reads see. */
  #kept;
  #now;
  /** GUIDs of logs, and those by which children know the disk, in the order in which they came up. */
  readonly #logs: string[] = [NIL_GUID];
  readonly #identities: string[];
  readonly #numberBefore: bigint;
  #image: WritableImage | undefined;
  /** What the writer has done, and how much of it the model has done too. */
  #recording: RecordingSource<never>;
  #done = 0;
  /** The part of an entry that is still to come, at the start of the log. */
  #rest: number | undefined;
  #isLost = false;

  constructor(disk: ModelledDisk) {
    this.#disk = disk;
    this.#kept = disk.create();
    this.#now = this.#kept.fork();
    this.#recording = new RecordingSource(this.#kept);
    const { sequenceNumber, dataWriteGuid } = readCurrentHeader(this.#kept);
    this.#numberBefore = sequenceNumber - FIRST_NUMBER;
    this.#identities = [dataWriteGuid];
  }

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
        return this.#see(words);
      case "do":
        // Opening replays what a crash left: it comes first, even if nothing is done.
        this.#open();
        this.#finishChanges();
        return this.#do(words[0]!, words.slice(1).map(Number));
      case "crash":
        this.seen.crashes++;
        this.#isLost = true;
        return;
      case "fate":
        return this.#decide(Number(words[0]), Number(words[1]), words[2]!);
      case "end":
        this.#open();
        return this.#finishChanges();
      case "page":
        this.#open();
        return this.#changePages(Number(words[0]), Number(words[1]));
      default:
        this.#open();
        return this.#change([kind, ...words].join(" "));
    }
  }

  #open(): WritableImage {
    return this.#image ??= openWritableVhdx(this.#recording);
  }

  #do(what: string, numbers: readonly number[]): void {
    const image = this.#open();
    if (what === "flush") image.flush();
    else if (what === "close") image.finish();
    else this.#disk.act({ image, file: this.#recording }, what, numbers);
  }

  /** The next change of the writer is the model's. */
  #change(expected: string): void {
    const change = this.#recording.changes[this.#done++];
    const found = change === undefined ? "nothing more" : this.#nameOf(change);
    if (found !== expected) throw new Error(`the writer: ${found}`);
    this.#apply(change!);
  }

  /** The next changes of the writer make a piece what it is in the model: its pages, or those of them that differ. */
  #changePages(piece: number, value: number): void {
    const range = this.#pieceAt(piece);
    let change = this.#recording.changes[this.#done];
    const isOfPiece = (change: Change | undefined) =>
      change?.kind === "write" && change.bytes.length === PAGE && change.offset >= range.offset &&
      change.offset < range.offset + range.length;
    if (!isOfPiece(change)) {
      throw new Error(`the writer: ${change === undefined ? "nothing" : this.#nameOf(change)}`);
    }
    for (; isOfPiece(change); change = this.#recording.changes[++this.#done]) this.#apply(change!);
    const bytes = new Uint8Array(range.length);
    this.#now.readAt(bytes, range.offset);
    const found = this.#valueOf(piece, bytes);
    if (found !== String(value)) throw new Error(`the writer: page ${piece} ${found}`);
  }

  #apply(change: Change): void {
    this.seen.changes++;
    if (change.kind === "flush") this.#kept = this.#now.fork();
    else if (change.kind === "truncate") this.#now.truncate(change.size);
    else this.#now.writeAt(change.bytes, change.offset);
  }

  /** What the writer did is what the model did, and no more; what a crash came before does not count. */
  #finishChanges(): void {
    const left = this.#recording.changes.slice(this.#done);
    if (left.length > 0 && !this.#isLost) {
      throw new Error(`the writer also: ${this.#nameOf(left[0]!)}`);
    }
    this.#done = this.#recording.changes.length;
  }

  /** A change in the words of the models. */
  #nameOf(change: Change): string {
    if (change.kind === "flush") return "flush";
    if (change.kind === "truncate") return `size ${this.#placesBefore(change.size)}`;
    const { bytes, offset } = change;
    const slot = HEADERS.findIndex((each) => each === offset);
    if (slot >= 0) {
      const { sequenceNumber, logGuid, dataWriteGuid } = HEADER.unpack(bytes);
      const number = sequenceNumber - this.#numberBefore;
      const [log, identity] = [
        numberOf(this.#logs, logGuid),
        numberOf(this.#identities, dataWriteGuid),
      ];
      return `header ${slot} number ${number} log ${log} identity ${identity}`;
    }
    if (offset >= LOG && offset < LOG + MIB) return this.#nameOfLogWrite(bytes, offset);
    return this.#nameOfData(bytes, offset) ?? `${bytes.length} bytes at ${offset}`;
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
    // The models have entries that are their own tail, and files that need not become longer in the replay.
    if (header.tail !== at) return `an entry at ${at} with the tail ${header.tail}`;
    if (header.lastFileOffset !== header.flushedFileOffset) {
      return "an entry that lengthens the file";
    }
    const entry = new Uint8Array(header.length);
    entry.set(bytes);
    if (header.length > bytes.length) {
      this.#rest = header.length - bytes.length;
      const rest = this.#recording.changes[this.#done];
      if (rest?.kind === "write") entry.set(rest.bytes.subarray(0, this.#rest), bytes.length);
    }
    const size = this.#placesBefore(header.flushedFileOffset);
    numberOf(this.#logs, header.logGuid);
    return [
      `log ${at / PAGE} number ${header.sequenceNumber} size ${size}`,
      ...this.#nameLogged(entry, header.descriptorCount, header.sequenceNumber),
    ].join(" ");
  }

  /** The pieces in an entry, and what they become. */
  *#nameLogged(entry: Uint8Array, count: number, number: bigint): Generator<string> {
    const dataAt = entry.length - count * PAGE;
    const pageAt = (i: number) => {
      const at = LOG_HEADER.size + i * DATA_DESCRIPTOR.size;
      const sector = entry.subarray(dataAt + i * PAGE, dataAt + (i + 1) * PAGE);
      return {
        offset: decodeDescriptor(entry, at, number)?.targetOffset,
        bytes: loggedPage(entry.subarray(at, at + DATA_DESCRIPTOR.size), sector),
      };
    };
    for (let i = 0; i < count;) {
      const { offset = 0 } = pageAt(i);
      const piece = this.#pieceOf(offset);
      if (piece === undefined) return yield `a page at ${offset}`;
      const range = this.#pieceAt(piece);
      const pages = Array.from({
        length: piece < this.#disk.fixed.length ? range.length / PAGE : 1,
      }, (_, nth) => pageAt(i + nth));
      const isWhole = pages.every((page, nth) => page.offset === range.offset + nth * PAGE);
      if (!isWhole) return yield `a part of piece ${piece}`;
      const bytes = new Uint8Array(pages.length * PAGE);
      for (const [nth, page] of pages.entries()) bytes.set(page.bytes, nth * PAGE);
      yield `${piece}=${this.#valueOf(piece, bytes)}`;
      i += pages.length;
    }
  }

  /** What is written past the log: pieces of one place, all of one stamp, or a page and zeros behind it. */
  #nameOfData(bytes: Uint8Array, offset: number): string | undefined {
    const { fixed, places } = this.#disk;
    const piece = this.#pieceOf(offset);
    if (piece === undefined) return undefined;
    const isPage = bytes.length === PAGE && places.partLength !== PAGE;
    if (piece < fixed.length || isPage) return `page ${piece} ${this.#valueOf(piece, bytes)}`;
    if (this.#pieceAt(piece).offset !== offset || bytes.length % places.partLength !== 0) {
      return undefined;
    }
    const isTable = bytes.subarray(PAGE).every((byte) => byte === 0);
    const value = stampOf(bytes) ?? (isTable ? this.#valueOf(piece, bytes.subarray(0, PAGE)) : "?");
    return `data ${piece} ${bytes.length / places.partLength} ${value}`;
  }

  /** Where a piece is; of a place, all of its part. */
  #pieceAt(piece: number): Piece {
    const { fixed, places: { start, parts, partLength } } = this.#disk;
    const range = fixed[piece];
    if (range !== undefined) return range;
    const nth = piece - fixed.length;
    const offset = start + Math.floor(nth / parts) * MIB + nth % parts * partLength;
    return { offset, length: partLength };
  }

  /** The piece that begins at an offset, or has the page there. */
  #pieceOf(offset: number): number | undefined {
    const { fixed, places: { start, parts, partLength } } = this.#disk;
    const found = fixed.findIndex((range) =>
      offset >= range.offset && offset < range.offset + range.length
    );
    if (found >= 0) return found;
    if (offset < start) return undefined;
    const inPlace = (offset - start) % MIB;
    if (inPlace % partLength !== 0 || inPlace / partLength >= parts) return undefined;
    return fixed.length + (placeAt(offset, start) - 1) * parts + inPlace / partLength;
  }

  #valueOf(piece: number, bytes: Uint8Array): string {
    return String(this.#disk.valueOf(bytes, piece) ?? "of other bytes");
  }

  #placesBefore(size: number): number {
    return placeAt(size, this.#disk.places.start) - 1;
  }

  /** What becomes of a piece that was not flushed. */
  #decide(kind: number, index: number, fate: string): void {
    if (fate === "old") return;
    if (kind === SIZE) return this.#kept.truncate(this.#now.size);
    const { offset, length } = kind === PIECE ? this.#pieceAt(index) : {
      offset: kind === HEADER_SLOT ? HEADERS[index]! : LOG + index * PAGE,
      length: PAGE,
    };
    const [old, written] = [this.#kept, this.#now].map((file) => {
      const bytes = new Uint8Array(length);
      file.readAt(bytes, offset);
      return bytes;
    }) as [Uint8Array, Uint8Array];
    this.#kept.writeAt(fate === "torn" ? torn(old, written) : written, offset);
  }

  /** What the model says that can be seen is what can be seen. */
  #see(expected: readonly string[]): void {
    const found = this.#disk.see(openVhdx(this.#now), expected).join(" ");
    if (found !== expected.join(" ")) throw new Error(`seen: ${found}`);
  }
}

/** The kinds of pieces, by number; those of the log are left over. */
const [HEADER_SLOT, PIECE, SIZE] = [0, 2, 3];

/** The number of a GUID among those that came up, which it is one of from now on. */
function numberOf(known: string[], guid: string): number {
  const found = known.indexOf(guid);
  return found >= 0 ? found : known.push(guid) - 1;
}

/** New up to the middle of what differs, old behind it: neither of the two. */
function torn(old: Uint8Array, written: Uint8Array): Uint8Array {
  const differs = (byte: number, i: number) => byte !== old[i];
  const middle = Math.ceil((written.findIndex(differs) + written.findLastIndex(differs)) / 2);
  const bytes = old.slice();
  bytes.set(written.subarray(0, middle));
  return bytes;
}
