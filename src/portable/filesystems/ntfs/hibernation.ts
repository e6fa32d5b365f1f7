/**
 * Whether Windows is asleep on a volume: then it has parts of the file system in its memory, saved in
 * `hiberfil.sys`, and goes on with them.
 *
 * @module
 */
import { u16, u32, u64, u8 } from "../../../bytes/codec.ts";
import { layout } from "../../../bytes/layout.ts";
import { decodeUtf16 } from "../../../bytes/utf16.ts";
import { refusal } from "./boot_sector.ts";
import { inUse } from "./log_file.ts";
import { type MasterFileTable, RECORD } from "./mft.ts";
import {
  type FileRecord,
  referenceOf,
  restoreSectors,
  SIGNATURE,
  signatureOf,
  TYPE,
} from "./records.ts";

const FILE_NAME = "HIBERFIL.SYS";
/** The name of the index of a directory. */
const DIRECTORY_INDEX = "$I30";
/** What stands there if it holds the state of a computer; Windows fills it with zeros when it has gone on. */
const HEADER_LENGTH = 4096;

const INDEX_ROOT = layout("index root", { size: 16, endian: "little" }, {
  blockSize: [8, u32],
});
const INDEX_BLOCK = layout("index block", { size: 24, endian: "little" }, {
  vcn: [16, u64],
});
const INDEX_HEADER = layout("index header", { size: 16, endian: "little" }, {
  entriesOffset: [0, u32],
  usedLength: [4, u32],
});
const ENTRY = layout("index entry", { size: 16, endian: "little" }, {
  length: [8, u16],
  keyLength: [10, u16],
  flags: [12, u16],
});
const HAS_CHILD = 0x01;
const IS_LAST = 0x02;
const CHILD_LENGTH = 8;
/** A file's name as key of an entry. */
const KEY = layout("file name", { size: 66, endian: "little" }, {
  nameLength: [64, u8],
});
const BLOCK_SIZES = [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];
const MAX_DEPTH = 32;

/**
 * Verifies that no saved state of Windows lies on the volume. Yields whenever it has read for a while.
 *
 * @throws {Refusal} If one does, or the root directory cannot be searched.
 */
export function* verifyAwake(table: MasterFileTable): Generator<undefined> {
  const root = table.record(RECORD.root);
  const entries = yield* findInRoot(table, root);
  if (entries.length > 1) throw refusal("its root directory has hiberfil.sys more than once");
  for (const entry of entries) {
    const file = table.record(entry.number);
    if (file.sequence !== entry.sequence) continue;
    const contents = table.contents(file, TYPE.data, "");
    if (contents === undefined) continue;
    const header = contents.kind === "value"
      ? contents.value.subarray(0, HEADER_LENGTH)
      : contents.stream.read(0, Math.min(HEADER_LENGTH, contents.stream.size));
    if (header.some((byte) => byte !== 0)) {
      throw inUse("Windows is hibernated on it: hiberfil.sys holds a state to go on with");
    }
  }
}

interface Found {
  readonly number: number;
  readonly sequence: number;
}

/** All entries with the name: the whole tree is read, as its order is one of the volume's own. */
function* findInRoot(
  table: MasterFileTable,
  root: FileRecord,
): Generator<undefined, readonly Found[]> {
  const found: Found[] = [];
  const contents = table.contents(root, TYPE.indexRoot, DIRECTORY_INDEX);
  if (contents?.kind !== "value" || contents.value.length < INDEX_ROOT.size + INDEX_HEADER.size) {
    throw refusal("its root directory has no index");
  }
  const { value } = contents;
  const { blockSize } = INDEX_ROOT.unpack(value);
  const { clusterSize } = table.geometry;
  if (!BLOCK_SIZES.includes(blockSize)) throw refusal("the index of its root directory is damaged");
  const pending = readEntries(value, INDEX_ROOT.size, found).map((vcn) => ({ vcn, depth: 1 }));
  if (pending.length === 0) return found;
  const allocation = table.contents(root, TYPE.indexAllocation, DIRECTORY_INDEX);
  if (allocation?.kind !== "stream") throw refusal("the index of its root directory has no blocks");
  const { stream } = allocation;
  // A block smaller than a cluster is counted in sectors.
  const unit = blockSize < clusterSize ? 512 : clusterSize;
  const visited = new Set<number>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { vcn, depth } = next;
    const offset = vcn * unit;
    const isOnce = !visited.has(vcn);
    visited.add(vcn);
    if (!isOnce || depth > MAX_DEPTH || !(offset + blockSize <= stream.size)) {
      throw refusal("the index of its root directory is no tree");
    }
    const block = stream.read(offset, blockSize);
    if (signatureOf(block) !== SIGNATURE.INDX) {
      throw refusal("a block of the index of its root directory has no signature of one");
    }
    restoreSectors(block, "a block of the index of its root directory");
    if (INDEX_BLOCK.get(block, "vcn") !== vcn) {
      throw refusal("a block of the index of its root directory is that of another place");
    }
    for (const child of readEntries(block, INDEX_BLOCK.size, found)) {
      pending.push({ vcn: child, depth: depth + 1 });
    }
    yield undefined;
  }
  return found;
}

/** @returns The blocks that the entries point to. */
function readEntries(bytes: Uint8Array, headerAt: number, found: Found[]): number[] {
  const damaged = () => refusal("the index of its root directory is damaged");
  const { entriesOffset, usedLength } = INDEX_HEADER.unpack(bytes, headerAt);
  const end = headerAt + usedLength;
  if (end > bytes.length) throw damaged();
  const children: number[] = [];
  for (let at = headerAt + entriesOffset;;) {
    if (at + ENTRY.size > end) throw damaged();
    const { length, keyLength, flags } = ENTRY.unpack(bytes, at);
    const childLength = (flags & HAS_CHILD) !== 0 ? CHILD_LENGTH : 0;
    const isLast = (flags & IS_LAST) !== 0;
    const needed = ENTRY.size + (isLast ? 0 : keyLength) + childLength;
    if (length < needed || length % 8 !== 0 || at + length > end) throw damaged();
    if (childLength > 0) children.push(u64.read(view(bytes), at + length - CHILD_LENGTH, true));
    if (isLast) return children;
    const key = bytes.subarray(at + ENTRY.size, at + ENTRY.size + keyLength);
    if (!KEY.fits(key)) throw damaged();
    const name = decodeUtf16(key.subarray(KEY.size, KEY.size + KEY.get(key, "nameLength") * 2));
    if (name.toUpperCase() === FILE_NAME) found.push(referenceOf(bytes, at));
    at += length;
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
