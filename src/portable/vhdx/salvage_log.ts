/**
 * The log of a damaged VHDX: replayed as far as it can be. Of what cannot, it is kept which pages of the file it
 * would have changed, for these may be older than the rest.
 *
 * @module
 */
import { NIL_GUID } from "../../bytes/guid.ts";
import { type ByteSource, readStructure } from "../file/byte_source.ts";
import { readable } from "../file/promised_end.ts";
import type { Damages } from "../image/tolerant_image.ts";
import { HEADER_OFFSETS, LOG_SECTOR_SIZE, MIB } from "./file_map.ts";
import { type CurrentHeader, headerFault, readCurrentHeader } from "./header.ts";
import {
  DATA_DESCRIPTOR,
  descriptorsFromLast,
  LOG_HEADER,
  type LogEntry,
  loggedPage,
  LogRing,
  readLogEntry,
} from "./log_entry.ts";
import { findLogDamage, replayLog, searchLog } from "./log_replay.ts";
import type { LoggedPage, ReplayedSource } from "./replayed_source.ts";

/** So many pages of the file are looked at; a log names the tables of a file, which are few. */
const MAX_DOUBTED_PAGES = 65536;
/** Without headers, a log is looked for up to this MiB. */
const MAX_LOG_PLACE = 8;
/** So many versions of a page are compared. */
const MAX_VERSIONS = 16;

/** What the beginning of the file says. */
export interface SalvagedLog {
  /** `undefined` if neither copy can be read. */
  readonly header: CurrentHeader | undefined;
  /** If there was a log that could be replayed, or a part of it. */
  readonly replayed: ReplayedSource | undefined;
  /** The length that the file had for certain, by the log; 0 if that does not say. */
  readonly flushedSize: number;
  /** The length that it has with all of the log in its place, by the log; 0 if that does not say. */
  readonly lastSize: number;
  readonly doubts: LogDoubts;
  /** Where it is, be it in use or not; `undefined` if nobody knows, or there is none. */
  readonly place: LogPlace | undefined;
}

/** Where a log is, in bytes. */
type LogPlace = Pick<CurrentHeader, "logOffset" | "logLength">;

/** Reads the headers and the log. */
export function salvageLog(source: ByteSource, damages: Damages): SalvagedLog {
  const header = salvageHeader(source, damages);
  const place = header ?? findLog(source);
  if (place === undefined || place.logLength === 0) return { ...NOTHING, header };
  const known = { ...NOTHING, header, place };
  if (header === undefined) return { ...known, doubts: doubtsOf(source, source, place) };
  if (header.logGuid === NIL_GUID) {
    // The header that was lost may have said that there is something in the log.
    const isCertain = HEADER_OFFSETS.every((offset) => isValidHeader(source, offset));
    const doubts = isCertain ? new LogDoubts() : doubtsOf(source, source, header);
    return { ...known, doubts };
  }
  const replayed = damages.attempt(
    () => replayLog(source, header),
    "What it can replay of the log it replays, and leaves the rest out: the disk may be as it was some time before.",
    true,
  );
  if (replayed !== undefined) {
    const last = searchLog(new LogRing(source, header)).active?.at(-1);
    const { flushedFileOffset: flushedSize = 0, lastFileOffset: lastSize = 0 } = last ?? {};
    return { ...known, replayed, flushedSize, lastSize };
  }
  const partly = partOf(source, header);
  const doubts = doubtsOf(source, partly ?? source, header);
  return { ...known, replayed: partly, doubts };
}

function salvageHeader(source: ByteSource, damages: Damages): CurrentHeader | undefined {
  const header = damages.attempt(
    () => readCurrentHeader(source),
    "The disk is read without headers, and without what its log may hold.",
    true,
  );
  if (header === undefined) return undefined;
  for (const offset of HEADER_OFFSETS) {
    if (isValidHeader(source, offset)) continue;
    damages.add({
      path: source.path,
      structure: "header",
      offset,
      found: "a damaged header",
      expected: "a valid one",
      consequence: "The other one is used.",
    });
  }
  return header;
}

function isValidHeader(source: ByteSource, offset: number): boolean {
  return readable(() => headerFault(source, offset) === undefined) ?? false;
}

/** Writers put the log before all else, and make it a MiB long; by its entries it is known. */
function findLog(source: ByteSource): LogPlace | undefined {
  for (let place = 1; place <= MAX_LOG_PLACE; place++) {
    const bytes = new Uint8Array(MIB);
    if (source.readAt(bytes, place * MIB) < bytes.length) return undefined;
    for (let at = 0; at < MIB; at += LOG_SECTOR_SIZE) {
      if (!LOG_HEADER.hasSignature(bytes, at)) continue;
      const log = { logOffset: place * MIB, logLength: MIB };
      if (readable(() => entryAt(source, log, log.logOffset + at)) !== undefined) return log;
    }
  }
  return undefined;
}

/** The file with the entries before the damaged one. */
function partOf(source: ByteSource, header: CurrentHeader): ReplayedSource | undefined {
  return readable(() => findLogDamage(source, header)?.replayed);
}

/** What an entry says of any log, also an older one, whose entries nobody has overwritten. */
function doubtsOf(source: ByteSource, present: ByteSource, place: LogPlace): LogDoubts {
  const doubts = new LogDoubts(source, present);
  for (let position = 0; position < place.logLength;) {
    const at = place.logOffset + position;
    const entry = readable(() => entryAt(source, place, at));
    if (entry === undefined) {
      position += LOG_SECTOR_SIZE;
      continue;
    }
    if (!doubts.take(entry.ring, entry.entry)) break;
    position += entry.entry.length;
  }
  return doubts;
}

function entryAt(
  source: ByteSource,
  place: LogPlace,
  at: number,
): { ring: LogRing; entry: LogEntry } | undefined {
  const bytes = readStructure(source, at, LOG_HEADER.size, LOG_HEADER.type, "ERROR_FILE_CORRUPT");
  if (!LOG_HEADER.hasSignature(bytes)) return undefined;
  const logGuid = LOG_HEADER.get(bytes, "logGuid");
  const ring = new LogRing(source, { ...place, logGuid });
  const entry = readLogEntry(ring, at - place.logOffset);
  return entry && { ring, entry };
}

/** Pages of the file that a log has in other versions, and nobody knows which one is the newest. */
export class LogDoubts {
  readonly #source: ByteSource | undefined;
  readonly #present: ByteSource | undefined;
  readonly #pages = new Map<number, LoggedPage[]>();
  /** Whether there were more than are kept: then everything is in doubt. */
  #areMany = false;

  /** @param present The file as it is read. */
  constructor(source?: ByteSource, present?: ByteSource) {
    this.#source = source;
    this.#present = present;
  }

  /** Whether nothing is in doubt. */
  get areNone(): boolean {
    return this.#pages.size === 0 && !this.#areMany;
  }

  /** Takes what an entry says; gives whether there is room for more. */
  take(ring: LogRing, entry: LogEntry): boolean {
    for (const descriptor of descriptorsFromLast(ring, entry)) {
      // Zeros are what tables are before they are used.
      if (descriptor.kind === "zero") continue;
      const number = descriptor.targetOffset / LOG_SECTOR_SIZE;
      const versions = this.#pages.get(number) ?? [];
      if (this.#pages.size >= MAX_DOUBTED_PAGES || versions.length >= MAX_VERSIONS) {
        this.#areMany = true;
        return false;
      }
      versions.push(descriptor);
      this.#pages.set(number, versions);
    }
    return true;
  }

  /** Whether some bytes of the file may be others. They lie in one page. */
  concern(offset: number, length: number): boolean {
    if (this.#areMany) return true;
    const versions = this.#pages.get(Math.floor(offset / LOG_SECTOR_SIZE));
    const [source, present] = [this.#source, this.#present];
    if (versions === undefined || source === undefined || present === undefined) return false;
    const bytes = new Uint8Array(length);
    present.readAt(bytes, offset);
    const start = offset % LOG_SECTOR_SIZE;
    return versions.some((page) => {
      const logged = versionOf(source, page).subarray(start, start + length);
      return logged.some((byte, i) => byte !== bytes[i]);
    });
  }
}

function versionOf(source: ByteSource, { at, dataAt }: LoggedPage): Uint8Array {
  const code = "ERROR_FILE_CORRUPT";
  const data = readStructure(source, dataAt, LOG_SECTOR_SIZE, "log data", code);
  const { size, type } = DATA_DESCRIPTOR;
  return loggedPage(readStructure(source, at, size, type, code), data);
}

const NOTHING: SalvagedLog = {
  header: undefined,
  replayed: undefined,
  flushedSize: 0,
  lastSize: 0,
  doubts: new LogDoubts(),
  place: undefined,
};
