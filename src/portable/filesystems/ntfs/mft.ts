/**
 * The master file table: a record for each file, or several, the first of which lists what is in the others.
 *
 * @module
 */
import { u16, u32, u64, u8 } from "../../../bytes/codec.ts";
import { layout } from "../../../bytes/layout.ts";
import { decodeUtf16 } from "../../../bytes/utf16.ts";
import type { Volume } from "../file_system.ts";
import { type NtfsGeometry, refusal } from "./boot_sector.ts";
import { type Attribute, type FileRecord, parseRecord, referenceOf, TYPE } from "./records.ts";
import { type Run, Stream } from "./runs.ts";

/** Numbers of records that are the file system's own. */
export const RECORD = {
  mft: 0,
  mirror: 1,
  log: 2,
  volume: 3,
  root: 5,
  bitmap: 6,
} as const;

const LIST_ENTRY = layout("attribute list entry", { size: 26, endian: "little" }, {
  type: [0, u32],
  length: [4, u16],
  nameLength: [6, u8],
  nameOffset: [7, u8],
  lowestVcn: [8, u64],
  instance: [24, u16],
});
const REFERENCE = 16;
/** Windows makes none that is longer. */
const MAX_LIST_LENGTH = 2 ** 18;

interface ListEntry {
  readonly type: number;
  readonly name: string;
  readonly lowestVcn: number;
  readonly instance: number;
  readonly number: number;
  readonly sequence: number;
}

/** What an attribute holds: a few bytes, or a stream. */
export type Contents =
  | { readonly kind: "value"; readonly value: Uint8Array }
  | { readonly kind: "stream"; readonly stream: Stream; readonly flags: number };

/** The table. */
export class MasterFileTable {
  readonly geometry: NtfsGeometry;
  readonly #volume: Volume;
  /** Grows while it is being opened: later parts of its own list are in earlier parts of it. */
  #stream: Stream;

  /** @throws {Refusal} If its own record does not hold together. */
  constructor(volume: Volume, geometry: NtfsGeometry) {
    this.#volume = volume;
    this.geometry = geometry;
    const { mftCluster, clusterSize, recordSize } = geometry;
    const start = mftCluster * clusterSize;
    if (start + recordSize > geometry.size) {
      throw refusal("its master file table does not lie within it");
    }
    const record = parseRecord(volume.read(start, recordSize), RECORD.mft, geometry);
    const first = record.attributes.find(isUnnamedData)?.extent;
    if (!record.isInUse || first === undefined || first.lowestVcn !== 0) {
      throw refusal("the first record of its master file table is not that of the table");
    }
    if (first.runs[0]?.lcn !== mftCluster) {
      throw refusal("its master file table does not begin where the boot sector says");
    }
    this.#stream = streamOf(volume, geometry, first.runs, first, "its master file table");
    const contents = this.contents(record, TYPE.data, "");
    if (contents?.kind !== "stream" || contents.flags !== 0) {
      throw refusal("its master file table is not one that could be read");
    }
    this.#stream = contents.stream;
  }

  /** How many records there are. */
  get recordCount(): number {
    return Math.floor(this.#stream.size / this.geometry.recordSize);
  }

  /** Bytes of records, as they are on the disk. */
  readRecords(first: number, count: number): Uint8Array<ArrayBuffer> {
    const { recordSize } = this.geometry;
    return this.#stream.read(first * recordSize, count * recordSize);
  }

  /** @throws {Refusal} If it is not there, or not in use. */
  record(number: number): FileRecord {
    if (number >= this.recordCount) {
      throw refusal(`file record ${number} is beyond the end of its master file table`);
    }
    const { recordSize } = this.geometry;
    const available = this.#stream.runs.reduce((sum, { count }) => sum + count, 0) *
      this.geometry.clusterSize;
    if ((number + 1) * recordSize > available) {
      throw refusal(`file record ${number} is in a part of its table that is not known yet`);
    }
    const record = parseRecord(this.readRecords(number, 1), number, this.geometry);
    if (!record.isInUse) throw refusal(`file record ${number} is not in use`);
    return record;
  }

  /**
   * What an attribute holds, from all records that have a part of it; `undefined` if the file has none.
   *
   * @param record The file's first.
   */
  contents(record: FileRecord, type: number, name: string): Contents | undefined {
    const is = (attribute: { type: number; name: string }) =>
      attribute.type === type && attribute.name === name;
    const entries = this.#list(record);
    if (entries === undefined) {
      const parts = record.attributes.filter(is);
      return parts.length === 0 ? undefined : this.#joined(parts, record.number);
    }
    const parts: Attribute[] = [];
    for (const entry of entries.filter(is)) {
      const part = this.#part(record, entry);
      parts.push(part);
      // The table's own parts are needed to find the next ones.
      if (record.number === RECORD.mft && is({ type: TYPE.data, name: "" })) {
        const joined = this.#joined(parts, record.number, true);
        if (joined.kind === "stream") this.#stream = joined.stream;
      }
    }
    return parts.length === 0 ? undefined : this.#joined(parts, record.number);
  }

  #part(record: FileRecord, entry: ListEntry): Attribute {
    const holder = entry.number === record.number ? record : this.#extension(record, entry.number);
    const part = holder.attributes.find(({ type, name, instance }) =>
      type === entry.type && name === entry.name && instance === entry.instance
    );
    const isThere = part !== undefined && holder.sequence === entry.sequence &&
      (part.extent?.lowestVcn ?? 0) === entry.lowestVcn;
    if (!isThere) {
      throw refusal(`the attribute list of file record ${record.number} names what is not there`);
    }
    return part;
  }

  #extension(record: FileRecord, number: number): FileRecord {
    const extension = this.record(number);
    if (extension.base !== record.number) {
      // The table itself is record 0: what continues it names no other one.
      throw refusal(`file record ${number} does not continue file record ${record.number}`);
    }
    return extension;
  }

  #list(record: FileRecord): ListEntry[] | undefined {
    const attribute = record.attributes.find(({ type }) => type === TYPE.attributeList);
    if (attribute === undefined) return undefined;
    const contents = this.#joined([attribute], record.number);
    if (contents.kind === "value") return parseList(contents.value, record.number);
    const { stream } = contents;
    if (stream.size > MAX_LIST_LENGTH) {
      throw refusal(`the attribute list of file record ${record.number} is too long`);
    }
    return parseList(stream.read(0, stream.size), record.number);
  }

  /** @param isIncomplete Whether more parts are to come. */
  #joined(parts: readonly Attribute[], number: number, isIncomplete = false): Contents {
    const what = `an attribute of file record ${number}`;
    const [first] = parts;
    if (first!.value !== undefined) {
      if (parts.length > 1) throw refusal(`${what} is there twice`);
      return { kind: "value", value: first!.value };
    }
    const runs: Run[] = [];
    let vcn = 0;
    for (const { extent } of parts) {
      if (extent === undefined || extent.lowestVcn !== vcn) throw refusal(`${what} has a gap`);
      for (const run of extent.runs) {
        runs.push(run);
        vcn += run.count;
      }
    }
    const { extent, flags } = first!;
    const stream = streamOf(this.#volume, this.geometry, runs, extent!, what, isIncomplete);
    return { kind: "stream", stream, flags };
  }
}

function streamOf(
  volume: Volume,
  geometry: NtfsGeometry,
  runs: readonly Run[],
  sizes: { readonly size: number; readonly validLength: number },
  what: string,
  isIncomplete = true,
): Stream {
  const { size, validLength } = sizes;
  const allocated = runs.reduce((sum, { count }) => sum + count, 0) * geometry.clusterSize;
  if (!(validLength <= size) || !(size < 2 ** 53) || size > allocated && !isIncomplete) {
    throw refusal(`${what} has another size than its clusters`);
  }
  return new Stream(volume, geometry, runs, sizes);
}

function isUnnamedData({ type, name }: Attribute): boolean {
  return type === TYPE.data && name === "";
}

function parseList(bytes: Uint8Array, number: number): ListEntry[] {
  const entries: ListEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    if (!LIST_ENTRY.fits(bytes, at)) break;
    const { type, length, nameLength, nameOffset, lowestVcn, instance } = LIST_ENTRY.unpack(
      bytes,
      at,
    );
    const end = nameOffset + nameLength * 2;
    if (length < LIST_ENTRY.size || at + length > bytes.length || nameLength > 0 && end > length) {
      throw refusal(`the attribute list of file record ${number} cannot be read`);
    }
    const name = decodeUtf16(bytes.subarray(at + nameOffset, at + nameOffset + nameLength * 2));
    entries.push({ type, name, lowestVcn, instance, ...referenceOf(bytes, at + REFERENCE) });
    at += length;
  }
  return entries;
}
