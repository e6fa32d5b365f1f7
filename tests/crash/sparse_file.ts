/** Image files in memory that take no more room than their contents, and can be copied at no cost. */
import { createHash } from "node:crypto";
import type { WritableSource } from "../../src/portable/file/byte_source.ts";

const PAGE_SIZE = 4096;
const ZERO_PAGE = new Uint8Array(PAGE_SIZE);

/**
 * A file as a map of pages. A page is never changed once it is in the map, so that files share pages;
 * a page that is absent is zeros.
 */
export class SparseFile implements WritableSource {
  readonly path = "/images/sparse.img";
  readonly #pages: Map<number, Uint8Array>;
  #size: number;

  constructor(pages: Map<number, Uint8Array> = new Map(), size = 0) {
    this.#pages = pages;
    this.#size = size;
  }

  /** A file with these contents. */
  static of(bytes: Uint8Array): SparseFile {
    const file = new SparseFile();
    file.writeAt(bytes, 0);
    return file;
  }

  get size(): number {
    return this.#size;
  }

  /** An independent copy. */
  fork(): SparseFile {
    return this.forkAs(SparseFile);
  }

  /** An independent copy of another class. */
  forkAs<T>(type: new (pages: Map<number, Uint8Array>, size: number) => T): T {
    return new type(new Map(this.#pages), this.#size);
  }

  readAt(buffer: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(buffer.length, this.#size - offset));
    // All at once: most pages are holes.
    buffer.fill(0, 0, length);
    for (let done = 0; done < length;) {
      const inPage = (offset + done) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, length - done);
      const page = this.#pages.get((offset + done - inPage) / PAGE_SIZE);
      if (page !== undefined) {
        buffer.set(count === PAGE_SIZE ? page : page.subarray(inPage, inPage + count), done);
      }
      done += count;
    }
    return length;
  }

  /** Whether no page of a range is a hole, or behind the end. */
  isAllocated(offset: number, length: number): boolean {
    for (let at = Math.floor(offset / PAGE_SIZE); at * PAGE_SIZE < offset + length; at++) {
      if (!this.#pages.has(at)) return false;
    }
    return true;
  }

  /** All of it. */
  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#size);
    this.readAt(bytes, 0);
    return bytes;
  }

  /** A text that is the same for files with the same contents, and for no others. */
  fingerprint(): string {
    const pages = [...this.#pages].filter(([, page]) => hashOf(page) !== ZERO_HASH)
      .sort(([one], [other]) => one - other);
    return `${this.#size}: ${
      pages.map(([number, page]) => `${number} ${hashOf(page)}`).join(", ")
    }`;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length;) {
      const inPage = (offset + done) % PAGE_SIZE;
      const count = Math.min(PAGE_SIZE - inPage, bytes.length - done);
      const number = (offset + done - inPage) / PAGE_SIZE;
      const page = (this.#pages.get(number) ?? ZERO_PAGE).slice();
      page.set(bytes.subarray(done, done + count), inPage);
      if (isZero(page)) this.#pages.delete(number);
      else this.#pages.set(number, page);
      done += count;
    }
    if (bytes.length > 0) this.#size = Math.max(this.#size, offset + bytes.length);
  }

  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / PAGE_SIZE);
      for (const number of [...this.#pages.keys()]) if (number >= kept) this.#pages.delete(number);
      const last = this.#pages.get(kept - 1);
      if (last !== undefined) {
        const page = last.slice();
        page.fill(0, size - (kept - 1) * PAGE_SIZE);
        this.#pages.set(kept - 1, page);
      }
    }
    this.#size = size;
  }

  flush(): void {}

  /** Writes the contents into a real file, holes as holes. */
  save(path: string): void {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true });
    for (const [number, page] of this.#pages) {
      file.seekSync(number * PAGE_SIZE, Deno.SeekMode.Start);
      for (let done = 0; done < PAGE_SIZE;) done += file.writeSync(page.subarray(done));
    }
    file.truncateSync(this.#size);
  }
}

/** Files share pages, so that most are asked for more than once. */
const hashes = new WeakMap<Uint8Array, string>();

function hashOf(page: Uint8Array): string {
  let hash = hashes.get(page);
  if (hash === undefined) {
    hash = createHash("sha256").update(page).digest("base64");
    hashes.set(page, hash);
  }
  return hash;
}

/** Of a page that was cut off at its start. */
const ZERO_HASH = hashOf(ZERO_PAGE);

function isZero(page: Uint8Array): boolean {
  const words = new Uint32Array(page.buffer, page.byteOffset, page.byteLength / 4);
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}
