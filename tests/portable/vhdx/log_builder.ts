/** Log entries written by hand ([MS-VHDX] 2.3.1), for tests of replay. */
import { crc32c } from "../../../src/bytes/crc32.ts";
import { writeGuid } from "../../../src/bytes/guid.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import type { Change as FileChange } from "../../crash/recording_source.ts";
import { assertBytesEqual } from "../../support.ts";
import { BAT, LOG, MIB, VhdxBuilder } from "./vhdx_builder.ts";

/** Bytes of a page of the file. */
export const PAGE = 4096;
export const LOG_GUID = "5d0ca2a4-53f9-4d2c-9f28-0d5e8b1f6f11";

/** A page to be written, or a range to be zeroed. */
export type Change =
  | { readonly offset: number; readonly page: Uint8Array }
  | { readonly offset: number; readonly zeros: number };

/** What an entry says; the rest has defaults that make it valid. */
export interface EntrySpec {
  readonly sequence: bigint;
  /** Position in the log; default: where the entry itself is. */
  readonly tail?: number;
  readonly changes?: readonly Change[];
  readonly flushed?: number;
  readonly last?: number;
  readonly guid?: string;
  /** Damages the entry before its checksum is made. */
  readonly edit?: (view: DataView) => void;
}

/** The bytes of an entry. */
export function logEntry(spec: EntrySpec, position: number): Uint8Array<ArrayBuffer> {
  const changes = spec.changes ?? [];
  const pages = changes.filter((change) => "page" in change);
  const descriptorSectors = Math.ceil((64 + 32 * changes.length) / PAGE);
  const bytes = new Uint8Array(PAGE * (descriptorSectors + pages.length));
  const view = new DataView(bytes.buffer);
  const ascii = (offset: number, text: string) =>
    new TextEncoder().encodeInto(text, bytes.subarray(offset));
  ascii(0, "loge");
  view.setUint32(8, bytes.length, true);
  view.setUint32(12, spec.tail ?? position, true);
  view.setBigUint64(16, spec.sequence, true);
  view.setUint32(24, changes.length, true);
  writeGuid(bytes, 32, spec.guid ?? LOG_GUID);
  view.setBigUint64(48, BigInt(spec.flushed ?? 4 * MIB), true);
  view.setBigUint64(56, BigInt(spec.last ?? 4 * MIB), true);
  let data = descriptorSectors * PAGE;
  for (const [i, change] of changes.entries()) {
    const at = 64 + 32 * i;
    view.setBigUint64(at + 16, BigInt(change.offset), true);
    view.setBigUint64(at + 24, spec.sequence, true);
    if ("zeros" in change) {
      ascii(at, "zero");
      view.setBigUint64(at + 8, BigInt(change.zeros), true);
      continue;
    }
    ascii(at, "desc");
    bytes.set(change.page.subarray(4092), at + 4);
    bytes.set(change.page.subarray(0, 8), at + 8);
    bytes.set(change.page, data);
    ascii(data, "data");
    view.setUint32(data + 4, Number(spec.sequence >> 32n), true);
    view.setUint32(data + 4092, Number(spec.sequence & 0xffffffffn), true);
    data += PAGE;
  }
  spec.edit?.(view);
  view.setUint32(4, 0, true);
  view.setUint32(4, crc32c(bytes), true);
  return bytes;
}

/** Puts entries one behind the other from a position on, around the end of the log where need be. */
export function putEntries(
  builder: VhdxBuilder,
  position: number,
  ...entries: readonly EntrySpec[]
): number {
  for (const spec of entries) {
    const bytes = logEntry(spec, position % MIB);
    for (let i = 0; i < bytes.length; i += PAGE) {
      builder.bytes.set(bytes.subarray(i, i + PAGE), LOG + (position + i) % MIB);
    }
    position += bytes.length;
  }
  return position % MIB;
}

/** A new file whose log must be replayed, once it has entries. */
export function dirtyVhdx(): VhdxBuilder {
  const builder = new VhdxBuilder();
  return builder.headers((header) => builder.guid(header + 48, LOG_GUID));
}

/** A change of the block table's first page: block 0 to the given entry. */
export function batPage(state: number, mib: number): Change {
  const page = new Uint8Array(PAGE);
  new DataView(page.buffer).setBigUint64(0, (BigInt(mib) << 20n) | BigInt(state), true);
  return { offset: BAT, page };
}

/** What a replay makes of block 0. */
export function firstBlock(builder: VhdxBuilder) {
  const before = builder.bytes.slice();
  const { kind, ...rest } = openVhdx(builder.source()).extent(0, MIB);
  assertBytesEqual(builder.bytes, before, "the file after a replay in memory");
  return "fileOffset" in rest ? `${kind} ${rest.fileOffset / MIB}` : kind;
}

/** Room for payload blocks at 4 to 8 MiB. */
export function roomy(): VhdxBuilder {
  const builder = dirtyVhdx();
  builder.append(5 * MIB);
  return builder;
}

/** How many pages, or ranges of zeros, each entry has that was written. */
export function loggedCounts(changes: readonly FileChange[]): number[] {
  return changes.flatMap((change) => {
    if (change.kind !== "write") return [];
    const { bytes } = change;
    if (new TextDecoder().decode(bytes.subarray(0, 4)) !== "loge") return [];
    return new DataView(bytes.buffer, bytes.byteOffset).getUint32(24, true);
  });
}
