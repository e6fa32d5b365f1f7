/** Metadata items put into, and found in, the bytes of VHDX files. Offsets are those of [MS-VHDX]. */
import { readGuid, writeGuid } from "../../../src/bytes/guid.ts";
import { itemText } from "../../crash/observation.ts";
import { MIB, REGION_TABLES } from "./vhdx_builder.ts";

/** Bits of a table entry. */
export const USER = 1;
export const DISK = 2;
export const REQUIRED = 4;

export interface RawItem {
  readonly id: string;
  /** All 32 bits. */
  readonly flags: number;
  /** The field behind the flags. */
  readonly reserved: number;
  readonly bytes: Uint8Array;
}

const METADATA_REGION = "8b7ca206-4790-4b9a-b8fe-575f050f886e";
/** Behind what a new file has. */
const FIRST_FREE = 0x20000;
/** What every file has, and what a child has. */
const SYSTEM_IDS = [
  "caa16737-fa36-4d43-b3b6-33f0aa44e76b",
  "2fa54224-cd1b-4876-b211-5dbed83bf4b8",
  "beca12ab-b2e6-4523-93ef-c309e000c746",
  "8141bf1d-a96f-4709-ba47-f233a8faab5f",
  "cda348c7-445d-4471-9cc9-e9885251c556",
  "a8d35f2d-b30b-454d-abf7-d3d84834ab0c",
];

/** An item with bits that have no meaning. */
export function rawItem(number: number, flags: number, bytes: Uint8Array): RawItem {
  const id = `bbbbbbbb-0000-0000-0000-${String(number).padStart(12, "0")}`;
  return { id, flags: (flags | 0x40000000) >>> 0, reserved: 0xabc0000 + number, bytes };
}

/** Adds items to a file that has none but those of a new one, in a region of so many bytes. */
export function addItems(
  image: Uint8Array,
  items: readonly RawItem[],
  regionLength: number = MIB,
): void {
  const { view, offset: region } = metadataRegion(image);
  let count = view.getUint16(region + 10, true);
  let place = FIRST_FREE;
  for (const { id, flags, reserved, bytes } of items) {
    if (place + bytes.length > regionLength) throw new Error("the region has no room");
    const entry = region + 32 + 32 * count++;
    writeGuid(image, entry, id);
    view.setUint32(entry + 16, bytes.length === 0 ? 0 : place, true);
    view.setUint32(entry + 20, bytes.length, true);
    view.setUint32(entry + 24, flags, true);
    view.setUint32(entry + 28, reserved, true);
    image.set(bytes, region + place);
    place += bytes.length;
  }
  view.setUint16(region + 10, count, true);
}

/** Items as text, in a certain order, so that a difference is told in few words. */
export function textOf(items: readonly RawItem[]): string[] {
  return items.map(({ id, flags, reserved, bytes }) =>
    `${id}: flags ${flags.toString(16)}, ${reserved.toString(16)}, ${itemText(bytes)}`
  ).sort();
}

/** The items of a file but those that every file has. */
export function rawItems(image: Uint8Array): RawItem[] {
  const { view, offset: region } = metadataRegion(image);
  const items: RawItem[] = [];
  for (let i = 0; i < view.getUint16(region + 10, true); i++) {
    const entry = region + 32 + 32 * i;
    const id = readGuid(image, entry);
    const flags = view.getUint32(entry + 24, true);
    if ((flags & USER) === 0 && SYSTEM_IDS.includes(id)) continue;
    const start = region + view.getUint32(entry + 16, true);
    const bytes = image.slice(start, start + view.getUint32(entry + 20, true));
    items.push({ id, flags, reserved: view.getUint32(entry + 28, true), bytes });
  }
  return items;
}

function metadataRegion(image: Uint8Array): { view: DataView; offset: number } {
  const view = new DataView(image.buffer);
  for (const entry of [16, 48].map((offset) => REGION_TABLES[0] + offset)) {
    if (readGuid(image, entry) !== METADATA_REGION) continue;
    return { view, offset: Number(view.getBigUint64(entry + 16, true)) };
  }
  throw new Error("there is no metadata region");
}
