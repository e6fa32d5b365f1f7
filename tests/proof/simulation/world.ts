/** What the user of the simulated machine knows: which images there are, whose children they are, and what they hold. */
import type { PortableVirtualDisk } from "@virtdisk/virtdisk/portable";
import { itemText } from "../../crash/observation.ts";
import type { DiskModel } from "./disk_model.ts";

/** A metadata item: what it is, and what else a crash may leave of it. */
interface Item {
  value: string | undefined;
  possible: (string | undefined)[];
}

/** The user metadata of an image, as text. */
export class ItemsModel {
  readonly #items = new Map<string, Item>();

  /** Those that there are. */
  values(): Map<string, string> {
    return new Map(
      [...this.#items].flatMap(([id, { value }]) => value === undefined ? [] : [[id, value]]),
    );
  }

  /** An item may get that value, or go, and has not yet. */
  mayBecome(id: string, value: string | undefined): void {
    const item = this.#items.get(id) ?? { value: undefined, possible: [] };
    item.possible.push(item.value, value);
    this.#items.set(id, item);
  }

  /** An item has that value, or is gone. */
  set(id: string, value: string | undefined): void {
    this.mayBecome(id, value);
    this.#items.get(id)!.value = value;
  }

  /** All is durable. */
  flushed(): void {
    for (const item of this.#items.values()) item.possible = [];
  }

  /** What is not as it must be; `undefined` if all is right. */
  difference(seen: ReadonlyMap<string, string>, isCrashed: boolean): string | undefined {
    for (const id of new Set([...seen.keys(), ...this.#items.keys()])) {
      const { value, possible } = this.#items.get(id) ?? { value: undefined, possible: [] };
      const found = seen.get(id);
      if (found === value || isCrashed && possible.includes(found)) continue;
      return `item ${id} is ${found}, not ${value}`;
    }
    return undefined;
  }

  /** They were read, and are so. */
  adopt(seen: ReadonlyMap<string, string>, isDurable: boolean): void {
    for (const id of new Set([...seen.keys(), ...this.#items.keys()])) {
      this.set(id, seen.get(id));
    }
    if (isDurable) this.flushed();
  }
}

/** The user metadata that a disk has. */
export function itemsOf({ format, metadata }: PortableVirtualDisk): Map<string, string> {
  if (format !== "vhdx") return new Map();
  return new Map([...metadata].map(([id, value]) => [id, itemText(value)]));
}

/** An image. */
export interface Image {
  readonly name: string;
  readonly type: "vhd" | "vhdx";
  readonly isFixed: boolean;
  /** Bytes. */
  readonly blockSize: number;
  readonly sectorSize: number;
  /** The name of its parent. */
  parent: string | undefined;
  model: DiskModel;
  readonly items: ItemsModel;
}

/** All images. */
export class World {
  readonly images = new Map<string, Image>();
  /** Names whose images were removed: until the folder is durable they may be back after a power failure. */
  readonly removed = new Set<string>();
  #count = 0;

  /** A name that no image had before. */
  newName(type: string): string {
    return `${this.#count++}.${type}`;
  }

  image(name: string): Image {
    return this.images.get(name)!;
  }

  /** An image is there no more. */
  remove(name: string): void {
    this.images.delete(name);
    this.removed.add(name);
  }

  /** Those that have it as their parent. */
  childrenOf(name: string): Image[] {
    return [...this.images.values()].filter(({ parent }) => parent === name);
  }

  /** An image and its parents. */
  chainOf(name: string): Image[] {
    const image = this.image(name);
    return [image, ...image.parent === undefined ? [] : this.chainOf(image.parent)];
  }

  /** Those that nobody has as a parent. */
  leaves(): Image[] {
    return [...this.images.values()].filter(({ name }) => this.childrenOf(name).length === 0);
  }
}
