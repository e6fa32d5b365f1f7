/** Metadata items of the disks and files of a chain. */
import type { CopyableItem, DiskImage } from "../../src/portable/image/image.ts";
import { pattern } from "../support.ts";
import { itemText } from "./observation.ts";
import type { Format } from "./scenario.ts";
import type { SparseFile } from "./sparse_file.ts";

/** What describes the disk differs from file to file, in number, length and bytes. */
export function addItems(format: Format, file: SparseFile, depth: number): void {
  const image = format.openWritable(file);
  const items = [pattern(20), pattern(5000 * depth, depth), pattern(30, depth)].slice(depth % 2);
  image.metadata?.setDiskItems(items.map((bytes, i) => diskItem(depth + i, i === 0, bytes)));
  image.metadata?.set(itemId(100 + depth), pattern(40, depth));
  image.finish();
}

/** An item that describes the disk. */
export function diskItem(
  number: number,
  isUser: boolean,
  bytes: Uint8Array<ArrayBuffer>,
): CopyableItem {
  return {
    id: itemId(number),
    length: bytes.length,
    isUser,
    isVirtualDisk: true,
    isRequired: false,
    read: () => bytes,
  };
}

function itemId(number: number): string {
  return `aaaaaaaa-0000-0000-0000-${String(number).padStart(12, "0")}`;
}

/** The items of the disk or those of the file, as text. */
export function itemsOf({ metadata }: DiskImage, ofDisk: boolean): string[] {
  const items = metadata?.copyable().filter(({ isVirtualDisk }) => isVirtualDisk === ofDisk) ?? [];
  return items.map(({ id, isUser, read }) => `${isUser} ${id}: ${itemText(read())}`).sort();
}
