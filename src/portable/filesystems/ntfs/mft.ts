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
  boot: 7,
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
  /** Of the table: later parts of them are listed in earlier parts of it. */
  readonly #runs: Run[];
  readonly #stream: Stream;

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
    const first = record.attributes.find(isUnnamedData);
    const { extent } = first ?? {};
    if (!record.isInUse || extent === undefined || extent.lowestVcn !== 0) {
      throw refusal("the first record of its master file table is not that of the table");
    }
    if (extent.runs[0]?.lcn !== mftCluster) {
      throw refusal("its master file table does not begin where the boot sector says");
    }
    this.#runs = [...extent.runs];
    this.#stream = new Stream(volume, geometry, this.#runs, extent);
    const contents = this.contents(record, TYPE.data, "");
    if (contents?.kind !== "stream" || contents.flags !== 0) {
      throw refusal("its master file table is not one that could be read");
    }
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
    if ((number + 1) * recordSize > endOf(this.#runs) * this.geometry.clusterSize) {
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
      // The table's own parts are needed to find the next ones. The first one is there already.
      if (record.number === RECORD.mft && isUnnamedData(part) && entry.lowestVcn > 0) {
        if (entry.lowestVcn !== endOf(this.#runs)) {
          throw refusal("the parts of its master file table are not in order");
        }
        for (const run of part.extent?.runs ?? []) this.#runs.push(run);
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

  #joined(parts: readonly Attribute[], number: number): Contents {
    const what = `an attribute of file record ${number}`;
    const [first] = parts;
    if (first!.value !== undefined) {
      if (parts.length > 1) throw refusal(`${what} is there twice`);
      return { kind: "value", value: first!.value };
    }
    const runs: Run[] = [];
    for (const { extent } of parts) {
      if (extent === undefined || extent.lowestVcn !== endOf(runs)) {
        throw refusal(`${what} has a gap`);
      }
      for (const run of extent.runs) runs.push(run);
    }
    assertDisjoint(runs, what);
    const { extent, flags } = first!;
    const { size, validLength } = extent!;
    if (!(validLength <= size) || !(size <= endOf(runs) * this.geometry.clusterSize)) {
      throw refusal(`${what} has another size than its clusters`);
    }
    return {
      kind: "stream",
      stream: new Stream(this.#volume, this.geometry, runs, extent!),
      flags,
    };
  }
}

/** The first cluster behind runs that begin at 0, or 0. */
function endOf(runs: readonly Run[]): number {
  const last = runs.at(-1);
  return last === undefined ? 0 : last.vcn + last.count;
}

/** The same cluster again and again would make a small volume as long as one likes. */
function assertDisjoint(runs: readonly Run[], what: string): void {
  let end = 0;
  const allocated = runs.filter(({ lcn }) => lcn !== undefined);
  for (const { lcn, count } of allocated.toSorted((a, b) => a.lcn! - b.lcn!)) {
    if (lcn! < end) throw refusal(`${what} has a cluster twice`);
    end = lcn! + count;
  }
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
