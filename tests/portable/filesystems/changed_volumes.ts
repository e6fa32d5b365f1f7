/** Volumes in memory, with other bytes where a test wants them, and free ranges to compare. */
import { assert } from "@std/assert";
import type { FileSystemReader, Volume } from "../../../src/portable/filesystems/file_system.ts";
import { run } from "../../support.ts";
import { ask, BytesVolume } from "./volumes.ts";

/** Bytes of a file system. */
export class MemoryVolume extends BytesVolume {
  static fromFile(path: string): MemoryVolume {
    return new MemoryVolume(Deno.readFileSync(path));
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer);
  }

  /** The volume with other bytes among the first ones; the rest is not copied, and must not be changed. */
  with(
    change: (bytes: Uint8Array<ArrayBuffer>, view: DataView) => void,
    changeable = Math.min(this.size, 2 ** 20),
  ): ChangedVolume {
    const head = this.bytes.slice(0, changeable);
    change(head, new DataView(head.buffer));
    return new ChangedVolume(this, head);
  }
}

/** A volume whose first bytes are others. */
export class ChangedVolume implements Volume {
  readonly #base: MemoryVolume;
  readonly #head: Uint8Array<ArrayBuffer>;
  bytesRead = 0;

  constructor(base: MemoryVolume, head: Uint8Array<ArrayBuffer>) {
    this.#base = base;
    this.#head = head;
  }

  get size(): number {
    return this.#base.size;
  }

  get sectorSize(): number {
    return this.#base.sectorSize;
  }

  /** All of it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.#base.bytes.slice();
    bytes.set(this.#head);
    return bytes;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    this.bytesRead += length;
    const bytes = this.#base.read(offset, length);
    if (offset < this.#head.length) {
      bytes.set(this.#head.subarray(offset, Math.min(offset + length, this.#head.length)));
    }
    return bytes;
  }
}

/** A range of bytes, its end excluded. */
export type Range = readonly [start: number, end: number];

/** What a reader makes of a volume: its free ranges, the reason of a refusal, or `undefined` for another kind. */
export function outcomeOf(reader: FileSystemReader, volume: Volume): Range[] | string | undefined {
  const answer = ask(reader, volume);
  if (answer?.kind !== "free") return answer?.reason;
  return answer.ranges.map(({ offset, length }) => [offset, offset + length]);
}

/** The free ranges of a volume that is believed. */
export function readFree(reader: FileSystemReader, volume: Volume): Range[] {
  const outcome = outcomeOf(reader, volume);
  assert(Array.isArray(outcome), `it is not believed: ${outcome}`);
  return outcome;
}

/** Bytes in ranges. */
export function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [start, end]) => sum + end - start, 0);
}

/** Whether two lists of ranges have a byte in common; both are in order. */
export function overlap(first: readonly Range[], second: readonly Range[]): boolean {
  let at = 0;
  return first.some(([start, end]) => {
    while (at < second.length && second[at]![1] <= start) at++;
    return at < second.length && second[at]![0] < end;
  });
}

/** The blocks that Sleuth Kit has as not allocated, joined, as bytes; it counts in `unit` bytes. */
export function sleuthKitFree(image: string, unit: number, type: string): Range[] {
  const ranges: [number, number][] = [];
  for (const [, block, state] of run("blkls", "-l", "-f", type, image).matchAll(/^(\d+)\|(.)$/gm)) {
    if (state !== "f") continue;
    const offset = Number(block) * unit;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === offset) last[1] += unit;
    else ranges.push([offset, offset + unit]);
  }
  return ranges;
}
