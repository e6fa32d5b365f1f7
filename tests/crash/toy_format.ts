/**
 * A disk format as small as can be, written correctly and in several wrong ways, to test that the crash
 * harness accepts the former and catches the latter.
 *
 * Sector 0: `TOY1`, then for each block one byte: the number of its place in the file, 0 for none.
 * Place n is at 4096 * n.
 */
import type { ByteSource, WritableSource } from "../../src/portable/file/byte_source.ts";
import type { DiskImage, ImageExtent, WritableImage } from "../../src/portable/image/image.ts";
import type { Format } from "./scenario.ts";
import { SparseFile } from "./sparse_file.ts";

const BLOCK = 4096;
const BLOCKS = 8;
const TABLE = 4;
const SIGNATURE = new TextEncoder().encode("TOY1");

/** What a writer can do wrong. */
export type ToyFault =
  | "publishes a block before its data are durable"
  | "does not flush"
  | "returns from a flush before the table is durable"
  | "writes its neighbour too"
  | "reuses a block before it is given back"
  | "does not zero a reused block"
  | "leaves no valid table while it writes one";

export const TOY_FAULTS: readonly ToyFault[] = [
  "publishes a block before its data are durable",
  "does not flush",
  "returns from a flush before the table is durable",
  "writes its neighbour too",
  "reuses a block before it is given back",
  "does not zero a reused block",
  "leaves no valid table while it writes one",
];

/** A new, empty disk. */
export function newToy(): SparseFile {
  const file = new SparseFile();
  file.writeAt(new Uint8Array(BLOCK), 0);
  file.writeAt(SIGNATURE, 0);
  file.truncate(BLOCK);
  return file;
}

/** The format, written correctly where no fault is named. */
export function toyFormat(fault?: ToyFault): Format {
  return {
    changesIdentifier: false,
    open: (source) => new ToyImage(source),
    openWritable: (source) => new WritableToy(source, fault),
  };
}

class ToyImage implements DiskImage {
  readonly format = "vhd";
  readonly subtype = "dynamic";
  readonly source: ByteSource;
  readonly virtualSize = BLOCK * BLOCKS;
  readonly blockSize = BLOCK;
  readonly logicalSectorSize = 512;
  readonly physicalSectorSize = 512;
  readonly identifier = undefined;
  readonly virtualDiskId = undefined;
  readonly parent = undefined;
  protected readonly table = new Uint8Array(TABLE + BLOCKS);

  constructor(source: ByteSource) {
    this.source = source;
    source.readAt(this.table, 0);
    if (SIGNATURE.some((byte, i) => this.table[i] !== byte)) throw new Error("no toy");
    const last = Math.max(...this.table.subarray(TABLE));
    if (source.size < (last + 1) * BLOCK) throw new Error("the file ends before the last block");
  }

  is4kAligned(): boolean {
    return true;
  }

  extent(offset: number, end: number): ImageExtent {
    const inBlock = offset % BLOCK;
    const length = Math.min(end - offset, BLOCK - inBlock);
    const place = this.table[TABLE + (offset - inBlock) / BLOCK]!;
    if (place === 0) return { kind: "zero", offset, length };
    return { kind: "file", offset, length, fileOffset: place * BLOCK + inBlock };
  }
}

class WritableToy extends ToyImage implements WritableImage {
  readonly #target: WritableSource;
  readonly #fault: ToyFault | undefined;
  /** Given back, but perhaps not durably so. */
  #givenBack: number[] = [];
  #free: number[] = [];

  constructor(source: WritableSource, fault: ToyFault | undefined) {
    super(source);
    this.#target = source;
    this.#fault = fault;
    const used = new Set(this.table.subarray(TABLE));
    const places = Math.ceil(source.size / BLOCK);
    for (let i = 1; i < places; i++) if (!used.has(i)) this.#free.push(i);
  }

  write(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length;) {
      const inBlock = (offset + done) % BLOCK;
      const piece = bytes.subarray(done, done + BLOCK - inBlock);
      this.#writePiece(piece, (offset + done - inBlock) / BLOCK, inBlock);
      done += piece.length;
    }
  }

  zeroBlocks(offset: number, length: number): void {
    this.trim(offset, length);
  }

  trim(offset: number, length: number): void {
    const first = Math.ceil(offset / BLOCK);
    const end = Math.floor((offset + length) / BLOCK);
    for (let block = first; block < end; block++) {
      const place = this.table[TABLE + block]!;
      if (place === 0) continue;
      this.#publish(block, 0);
      if (this.#fault === "reuses a block before it is given back") this.#free.unshift(place);
      else this.#givenBack.push(place);
    }
  }

  flush(): void {
    if (this.#fault !== "does not flush") this.#target.flush();
    this.#free.push(...this.#givenBack);
    this.#givenBack = [];
  }

  finish(): void {
    this.flush();
  }

  #writePiece(piece: Uint8Array, block: number, inBlock: number): void {
    const place = this.table[TABLE + block]!;
    if (place === 0) return this.#allocate(piece, block, inBlock);
    let start = inBlock;
    let bytes = piece;
    if (this.#fault === "writes its neighbour too" && inBlock >= 512) {
      bytes = new Uint8Array(512 + piece.length);
      bytes.set(piece, 512);
      start -= 512;
    }
    this.#target.writeAt(bytes, place * BLOCK + start);
  }

  #allocate(piece: Uint8Array, block: number, inBlock: number): void {
    const target = this.#target;
    const reused = this.#free.shift();
    const place = reused ?? Math.ceil(target.size / BLOCK);
    const fault = this.#fault;
    if (reused === undefined) target.truncate((place + 1) * BLOCK);
    const whole = new Uint8Array(BLOCK);
    whole.set(piece, inBlock);
    if (fault === "does not zero a reused block") target.writeAt(piece, place * BLOCK + inBlock);
    else target.writeAt(whole, place * BLOCK);
    if (fault !== "publishes a block before its data are durable") target.flush();
    this.#publish(block, place);
    const late: ToyFault = "returns from a flush before the table is durable";
    if (fault === late) this.flush = () => {};
  }

  #publish(block: number, place: number): void {
    this.table[TABLE + block] = place;
    if (this.#fault === "leaves no valid table while it writes one") {
      this.#target.writeAt(new Uint8Array(this.table.length), 0);
      this.#target.writeAt(this.table.slice(), 0);
    } else {this.#target.writeAt(
        this.table.subarray(TABLE + block, TABLE + block + 1),
        TABLE + block,
      );}
  }
}
