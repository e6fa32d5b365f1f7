/** The disk of `metadata.pml`. */
import type { ParentSpec } from "../../../src/portable/image/image.ts";
import { PARENT_LOCATOR } from "../../../src/portable/vhdx/metadata_items.ts";
import {
  entryOffset,
  METADATA_ENTRY,
  METADATA_TABLE,
} from "../../../src/portable/vhdx/metadata_table.ts";
import { encodeParentLocator } from "../../../src/portable/vhdx/parent_locator.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { ITEMS, METADATA, vhdxSpec } from "../../portable/vhdx/vhdx_builder.ts";
import { type ModelledDisk, PAGE, stampOf } from "./modelled_disk.ts";

/** The item, the one that fills the page of the locators, and the one that keeps room for the second locator. */
const [ITEM, FILLING, GAP] = [1, 2, 3].map((n) => `aaaaaaaa-0000-0000-0000-00000000000${n}`) as [
  string,
  string,
  string,
];
/** Pages of the item: as many as the writer publishes of it at once, and the rest. */
const [FIRST_PAGES, REST_PAGES] = [64, 46] as const;
/** How many sectors of the log they take. */
export const ITEM_SECTORS = { FIRST_SECTORS: FIRST_PAGES, REST_SECTORS: REST_PAGES } as const;
const ITEM_LENGTH = (FIRST_PAGES + REST_PAGES) * PAGE;

/** All parents that the model has, by its numbers; each locator has the same length. */
const LOCATORS = new Map<number, Uint8Array>();
for (let parent = 1; parent <= 7; parent++) {
  for (let path = 0; path <= 7; path++) {
    LOCATORS.set(8 * parent + path, encodeParentLocator("", parentSpec(parent, path)));
  }
}
const LOCATOR_LENGTH = LOCATORS.get(8)!.length;
/** In the region. */
const LOCATORS_AT = ITEMS.parentLocator - METADATA;
const ITEMS_AT = LOCATORS_AT - LOCATORS_AT % PAGE + PAGE;

function parentSpec(parent: number, path: number): ParentSpec {
  return {
    identifier: `bbbbbbbb-0000-0000-0000-00000000000${parent}`,
    relativePath: `.\\parent${path}.vhdx`,
    absolutePath: undefined,
  };
}

export const METADATA_DISK: ModelledDisk = {
  create() {
    const spec = vhdxSpec({ subtype: "differencing", parent: parentSpec(1, 0) });
    const file = newImage(createVhdxIn, spec);
    const filling = new Uint8Array(ITEMS_AT - LOCATORS_AT - 2 * LOCATOR_LENGTH);
    const image = openWritableVhdx(file);
    image.metadata!.set(GAP, new Uint8Array(LOCATOR_LENGTH));
    image.metadata!.set(FILLING, filling);
    image.finish();
    // Two lives take an even number of headers: the newest is in the slot where the models have it.
    const again = openWritableVhdx(file);
    again.metadata!.delete(GAP);
    again.finish();
    return file;
  },
  fixed: [
    { offset: METADATA, length: PAGE },
    { offset: METADATA + ITEMS_AT - PAGE, length: PAGE },
    ...[0, 1].flatMap((slot) => {
      const offset = METADATA + ITEMS_AT + slot * ITEM_LENGTH;
      return [
        { offset, length: FIRST_PAGES * PAGE },
        { offset: offset + FIRST_PAGES * PAGE, length: REST_PAGES * PAGE },
      ];
    }),
  ],
  places: { start: newImage(createVhdxIn, vhdxSpec()).size, parts: 1, partLength: PAGE },
  act({ image }, what, [first = 0, second = 0]) {
    switch (what) {
      case "set":
        return image.metadata!.set(ITEM, new Uint8Array(ITEM_LENGTH).fill(first));
      case "delete":
        image.metadata!.delete(ITEM);
        return;
      default:
        return image.rebase!(parentSpec(first, second), what === "move");
    }
  },
  valueOf(bytes, piece) {
    if (piece === 0) return valueOfTable(bytes);
    if (piece !== 1) return stampOf(bytes);
    return [0, 1].reduce((value, slot) => {
      const at = LOCATORS_AT % PAGE + slot * LOCATOR_LENGTH;
      return value + (linkOf(bytes.subarray(at, at + LOCATOR_LENGTH)) << (6 * slot));
    }, 8192);
  },
  see(image) {
    const item = image.metadata!.get(ITEM);
    const stamp = item === undefined ? 0 : item.length === ITEM_LENGTH ? stampOf(item) : undefined;
    const { identifiers, locators } = image.parent!;
    const link = [...LOCATORS.keys()].find((each) => {
      const { identifier, relativePath } = parentSpec(each >> 3, each & 7);
      return identifiers.join() === identifier && locators[0]?.path === relativePath;
    }) ?? NaN;
    return [stamp, link >> 3, link & 7].map(String);
  },
};

function valueOfTable(bytes: Uint8Array): number | undefined {
  if (!METADATA_TABLE.hasSignature(bytes)) return undefined;
  let value = 64;
  for (let i = 0; i < METADATA_TABLE.get(bytes, "entryCount"); i++) {
    const { id, offset } = METADATA_ENTRY.unpack(bytes, entryOffset(i));
    if (id === ITEM) value += 1 + (offset - ITEMS_AT) / ITEM_LENGTH;
    if (id === PARENT_LOCATOR) value += 4 * (offset - LOCATORS_AT) / LOCATOR_LENGTH;
  }
  return value;
}

/** The number of a locator; 0 for other bytes. */
function linkOf(bytes: Uint8Array): number {
  const found = [...LOCATORS].find(([, each]) => each.every((byte, i) => byte === bytes[i]));
  return found?.[0] ?? 0;
}
