/** A volume that is full now and then: what is written in those moments finds no room, and fits a little later. */
import type { WritableSource } from "../../src/portable/file/byte_source.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import type { WritableImage } from "../../src/portable/image/image.ts";
import type { Random } from "../fuzz/random.ts";
import type { Format } from "./scenario.ts";

/** Storage writes whole sectors. */
const SECTOR = 512;
/** More often in a row it is not full. */
const MOST_TRIES = 5;

/** How a volume is full. */
export interface Filling {
  readonly random: Random;
  /** Of a hundred writes: how many fail. */
  readonly percent: number;
  /** Before this place in the file there is always room. */
  readonly start: number;
  /** Counts those that failed. */
  readonly failures: { count: number };
}

/** Writes to another source, as an image file does that has no room. */
class FillingSource implements WritableSource {
  readonly path: string;
  /** Whether there may be no room. */
  isTried = false;
  readonly #source: WritableSource;
  readonly #filling: Filling;

  constructor(source: WritableSource, filling: Filling) {
    this.path = source.path;
    this.#source = source;
    this.#filling = filling;
  }

  get size(): number {
    return this.#source.size;
  }

  readAt(buffer: Uint8Array, offset: number): number {
    return this.#source.readAt(buffer, offset);
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    if (offset < this.#filling.start || !this.#isFull()) return this.#source.writeAt(bytes, offset);
    const { size } = this;
    const end = Math.floor((offset + this.#filling.random.below(bytes.length)) / SECTOR) * SECTOR;
    if (end > offset) this.#source.writeAt(bytes.subarray(0, end - offset), offset);
    if (this.size > size) this.#source.truncate(size);
    this.#fail();
  }

  truncate(size: number): void {
    if (size > this.size && this.#isFull()) this.#fail();
    this.#source.truncate(size);
  }

  flush(): void {
    this.#source.flush();
  }

  #isFull(): boolean {
    return this.isTried && this.#filling.random.chance(this.#filling.percent);
  }

  #fail(): never {
    this.#filling.failures.count++;
    throw new ImageError("ERROR_DISK_FULL", { path: this.path });
  }
}

/**
 * A format whose images are written on such a volume, by somebody who tries again what failed, and does something else
 * in between.
 */
export function onFillingVolume(format: Format, filling: Filling): Format {
  return {
    ...format,
    openWritable(source) {
      const file = new FillingSource(source, filling);
      return new Proxy(format.openWritable(file), {
        get(image, name: keyof WritableImage) {
          const member = image[name];
          if (typeof member !== "function") return member;
          const run = member.bind(image) as (...args: unknown[]) => unknown;
          if (!RETRYABLE.includes(name)) return run;
          return (...args: unknown[]) => {
            for (let tries = 0;; tries++) {
              file.isTried = tries < MOST_TRIES;
              try {
                return run(...args);
              } catch (error) {
                if (!isFull(error) || tries >= MOST_TRIES) throw error;
                if (filling.random.chance(50)) flushIfThereIsRoom(image);
              } finally {
                file.isTried = false;
              }
            }
          };
        },
      });
    },
  };
}

const RETRYABLE: readonly string[] = [
  "write",
  "trim",
  "zeroBlocks",
  "flush",
  "finish",
] satisfies (keyof WritableImage)[];

function isFull(error: unknown): boolean {
  return error instanceof ImageError && error.symbol === "ERROR_DISK_FULL";
}

function flushIfThereIsRoom(image: WritableImage): void {
  try {
    image.flush();
  } catch (error) {
    if (!isFull(error)) throw error;
  }
}
