/** Flips single bits of images, and tells what programs make of it. */
import { checkVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { isAllZero } from "../../../src/bytes/zeros.ts";
import { Random } from "../../fuzz/random.ts";
import { LOG, MIB } from "../../portable/vhdx/vhdx_builder.ts";
import { patchFile } from "../../fuzz/damaged_fields.ts";
import type { FlipSubject, Piece } from "./subjects.ts";
import type { ImageReader, ReaderName } from "../readers/readers.ts";
import { checksumOf, type Reading } from "../readers/reading.ts";

/** What comes of a flip. */
export const OUTCOMES = [
  "crash",
  "hang",
  "untyped",
  "refused",
  "right",
  "theBit",
  "silent",
] as const;

/**
 * `right`: the bytes of the sound disk; of an ISO image, of whose disk its structures are a part, those of the file.
 * `theBit`: these, but for the bit that was flipped in the data itself, which
 * no format has a checksum for. `silent`: other bytes, or another size, without a word.
 */
export type Outcome = typeof OUTCOMES[number];

/** What lies at a place. */
export type PlaceKind = "data" | "structure";

/** A bit of a file. */
export interface Place {
  readonly kind: PlaceKind;
  readonly offset: number;
  readonly bit: number;
}

/** What one program made of all flips in one image. */
export interface FlipCounts {
  readonly structure: Record<Outcome, number>;
  readonly data: Record<Outcome, number>;
}

/** What is to be looked at: which flip, and what came of it. */
export interface Incident {
  readonly subject: string;
  readonly reader: ReaderName;
  readonly place: Place;
  readonly reading: Reading;
}

/** What came of the flips in an image. */
export interface FlipResult {
  readonly subject: string;
  readonly places: number;
  /** Of them in structures. */
  readonly structures: number;
  /** By program; a program that cannot read the sound image is not in it, but in `unable`. */
  readonly counts: Readonly<Partial<Record<ReaderName, FlipCounts>>>;
  /** By program: why it could not be asked. */
  readonly unable: Readonly<Partial<Record<ReaderName, string>>>;
  /** Crashes, hangs and untyped errors. */
  readonly incidents: readonly Incident[];
  /** Of what this project reads as other bytes without a word: where the flips are. */
  readonly silentFields: Readonly<Record<string, number>>;
  /** How many of these a check names. */
  readonly named: number;
  /** By program: of the sector bitmaps, which flips it reads as other bytes without a word. */
  readonly silentBits: Readonly<Partial<Record<ReaderName, SilentBits>>>;
}

/** Flips in sector bitmaps. */
export interface SilentBits {
  /** A sector of the image is taken for the parent's. */
  readonly lost: number;
  /** And the other way about. */
  readonly made: number;
}

/** Of a hundred places: how many are in data, and how many in room of structures that nothing is written in. */
const PERCENT_DATA = 20;
const PERCENT_EMPTY = 10;
/** What has something in it beside zeros is looked for in pieces of so many bytes. */
const PIECE = 16;
const PIECES = 256 * PIECE;

/**
 * Chooses places. Most lie in what structures say: uniformly chosen, nearly all of them would lie in data and in
 * room that nobody uses.
 */
export function choosePlaces(subject: FlipSubject, count: number, random: Random): Place[] {
  const written: number[] = [];
  const empty: number[] = [];
  for (const { start, end } of structuresOf(subject)) {
    for (let first = start; first < end; first += PIECES) {
      const last = Math.min(end, first + PIECES);
      // Most of it is empty: one look at many pieces takes less than one at each.
      const isEmpty = isAllZero(subject.bytes.subarray(first, last));
      for (let at = first; at < last; at += PIECE) {
        const isHole = isEmpty || isAllZero(subject.bytes.subarray(at, Math.min(last, at + PIECE)));
        (isHole ? empty : written).push(at);
      }
    }
  }
  return Array.from({ length: count }, (): Place => {
    const percent = random.below(100);
    const bit = random.below(8);
    if (percent < PERCENT_DATA) {
      const piece = random.pick(subject.data);
      return { kind: "data", offset: piece.fileOffset + random.below(piece.length), bit };
    }
    const isEmpty = empty.length > 0 && percent < PERCENT_DATA + PERCENT_EMPTY;
    const at = random.pick(isEmpty ? empty : written);
    const offset = Math.min(at + random.below(PIECE), subject.bytes.length - 1);
    return { kind: pieceAt(subject, offset) === undefined ? "structure" : "data", offset, bit };
  });
}

/** What of the file is not data. */
function structuresOf({ data, bytes }: FlipSubject): { start: number; end: number }[] {
  const ranges: { start: number; end: number }[] = [];
  let start = 0;
  for (const { fileOffset, length } of data.toSorted((a, b) => a.fileOffset - b.fileOffset)) {
    if (fileOffset > start) ranges.push({ start, end: fileOffset });
    start = fileOffset + length;
  }
  if (start < bytes.length) ranges.push({ start, end: bytes.length });
  return ranges;
}

function pieceAt({ data }: FlipSubject, offset: number): Piece | undefined {
  return data.find(({ fileOffset, length }) =>
    fileOffset <= offset && offset < fileOffset + length
  );
}

/** What a reading is, after that flip. */
export function outcomeOf(subject: FlipSubject, place: Place, reading: Reading): Outcome {
  if (reading.kind !== "bytes") return reading.kind;
  const { checksum } = reading;
  if (checksum === undefined) return "silent";
  const expected = expectedContents(subject, place);
  if (expected !== subject.contents && checksum === checksumOf(expected)) {
    return place.kind === "data" ? "theBit" : "right";
  }
  return checksum === checksumOf(subject.contents) ? "right" : "silent";
}

/** What the disk holds after that flip, if it is read right: the bit too, if it is one of the data. */
export function expectedContents(subject: FlipSubject, place: Place): Uint8Array {
  // The disk of an ISO image is its file: what is in the file is what there is to read.
  const at = subject.format === "iso" ? place.offset : diskOffset(subject, place);
  if (at === undefined) return subject.contents;
  const bytes = subject.contents.slice();
  bytes[at]! ^= 1 << place.bit;
  return bytes;
}

function diskOffset(subject: FlipSubject, { offset }: Place): number | undefined {
  const piece = pieceAt(subject, offset);
  return piece === undefined ? undefined : piece.offset + offset - piece.fileOffset;
}

const noCounts = () =>
  Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;

/** What the programs read that are not asked of ISO images. */
const NO_ISO = "it reads no ISO images as such";

/** Flips bits of an image, one after the other, and asks all readers each time. */
export async function flipBits(
  subject: FlipSubject,
  readers: readonly ImageReader[],
  { places: count, seed }: { readonly places: number; readonly seed: number },
): Promise<FlipResult> {
  const counts: Partial<Record<ReaderName, FlipCounts>> = {};
  const unable: Partial<Record<ReaderName, string>> = {};
  const able: ImageReader[] = [];
  for (const reader of readers) {
    const reason = subject.format === "iso" && reader.name !== "virtdisk"
      ? NO_ISO
      : whyUnable(subject, await reader.read(subject, subject.contents));
    if (reason !== undefined) {
      unable[reader.name] = reason;
      continue;
    }
    able.push(reader);
    counts[reader.name] = { structure: noCounts(), data: noCounts() };
  }
  const incidents: Incident[] = [];
  const silentBits: Partial<Record<ReaderName, SilentBits>> = {};
  const silentFields: Record<string, number> = {};
  const places = choosePlaces(subject, count, new Random(seed));
  let named = 0;
  for (const place of places) {
    const { offset, bit } = place;
    const flipped = Uint8Array.of(subject.bytes[offset]! ^ 1 << bit);
    const undo = patchFile(subject, [{ offset, bytes: flipped }]);
    const expected = expectedContents(subject, place);
    const readings = await Promise.all(able.map((reader) => reader.read(subject, expected)));
    for (const [i, { name }] of able.entries()) {
      const reading = readings[i]!;
      const outcome = outcomeOf(subject, place, reading);
      counts[name]![place.kind][outcome]++;
      if (outcome === "crash" || outcome === "hang" || outcome === "untyped") {
        incidents.push({ subject: subject.name, reader: name, place, reading });
      }
      if (outcome !== "silent") continue;
      if (isBitmap(subject, offset)) {
        const { lost, made } = silentBits[name] ?? { lost: 0, made: 0 };
        const isLost = flipped[0]! < subject.bytes[offset]!;
        silentBits[name] = isLost ? { lost: lost + 1, made } : { lost, made: made + 1 };
      }
      if (name !== "virtdisk") continue;
      const field = fieldAt(subject, offset);
      silentFields[field] = (silentFields[field] ?? 0) + 1;
      if (await isNamed(subject)) named++;
    }
    undo();
  }
  const structures = places.filter(({ kind }) => kind === "structure").length;
  const { name } = subject;
  return {
    subject: name,
    places: count,
    structures,
    counts,
    unable,
    incidents,
    silentFields,
    named,
    silentBits,
  };
}

function isBitmap({ fields }: FlipSubject, at: number): boolean {
  return fields.some(({ kind, offset, length }) =>
    kind === "bitmap" && offset <= at && at < offset + length
  );
}

function whyUnable(subject: FlipSubject, reading: Reading): string | undefined {
  if (reading.kind !== "bytes") return `it does not read it (${reading.kind})`;
  return reading.checksum === checksumOf(subject.contents)
    ? undefined
    : "it reads other bytes of the sound image";
}

/** Whether a check has anything to say of it. */
async function isNamed({ path }: FlipSubject): Promise<boolean> {
  try {
    const { findings } = await checkVirtualDisk(path);
    return findings.length > 0;
  } catch (error) {
    if (error instanceof VirtualDiskError) return true;
    throw error;
  }
}

const FIELD_NAMES = {
  entry: "entries of the block table",
  bitmap: "sector bitmaps",
  size: "the size of the disk",
  parameters: "sizes of blocks and sectors",
  locator: "the parent's paths",
  footer: "the footer",
} as const;

/** Where that is. */
function fieldAt({ fields, format, bytes }: FlipSubject, offset: number): string {
  const field = fields.find((each) => each.offset <= offset && offset < each.offset + each.length);
  if (field !== undefined) return FIELD_NAMES[field.kind];
  if (format !== "vhdx") return "elsewhere";
  if (offset < LOG) return "headers and region tables";
  if (offset >= LOG + MIB) return "elsewhere";
  const { start, end } = newestLogEntry(bytes);
  return start <= offset && offset < end ? NEWEST_ENTRY : "older entries of the log";
}

/** A crash may keep it from being written whole; the format has it left out then (MS-VHDX, 2.3.2). */
export const NEWEST_ENTRY = "the newest entry of the log";
/** "loge". */
const ENTRY_SIGNATURE = 0x65676f6c;
const PAGE = 4096;

function newestLogEntry({ buffer }: Uint8Array<ArrayBuffer>): { start: number; end: number } {
  const view = new DataView(buffer);
  let newest = { start: 0, end: 0, sequence: -1n };
  for (let start = LOG; start < LOG + MIB; start += PAGE) {
    const sequence = view.getBigUint64(start + 16, true);
    if (view.getUint32(start, true) !== ENTRY_SIGNATURE || sequence < newest.sequence) continue;
    newest = { start, end: start + view.getUint32(start + 8, true), sequence };
  }
  return newest;
}
