/**
 * An image whose bytes come later than they are asked for: from a server, or from a Blob. All that reads an image does
 * so at once; what is not there yet ends it, is fetched, and it is done again. Nothing is changed by reading, so that
 * the second time is as good as the first.
 *
 * @module
 */
import type { OpenFile } from "./byte_source.ts";
import { ImageError } from "./image_error.ts";
import { sourceIdentity } from "./image_file.ts";

/** Bytes that are fetched at least, and kept or forgotten together. */
const PAGE_SIZE = 2 ** 16;
/** 64 MiB for each image. */
const MAX_PAGES = 1024;
/** Two: what lies in the file beside what is asked for is mostly asked for next. */
const MIN_WINDOW = 2;
/** 4 MiB: what is fetched at once of what is read from front to back, so that not every page is waited for. */
const MAX_WINDOW = 64;
/** How often one piece is fetched for one piece of work: more says that it is always forgotten before the work is done. */
const MAX_REPEATS = 3;

/** Where bytes are fetched from. */
export interface ByteFetcher {
  /** For messages. */
  readonly name: string;
  /** What the bytes come from. */
  readonly origin: object;
  /** Bytes. */
  readonly size: number;
  /** What has been fetched already: the beginning. */
  readonly head?: Uint8Array;
  /**
   * Fetches a range, all of which there is.
   *
   * @throws {ImageError} If it cannot be had, or is no longer what it was.
   */
  fetch(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** Thrown by a read of what has to be fetched first; see {@linkcode whenFetched}. */
export class BytesMissing extends Error {
  override readonly name = "BytesMissing";
  /** The file, and which of its pages. */
  readonly file: FetchedFile;
  readonly first: number;
  readonly last: number;

  constructor(file: FetchedFile, first: number, last: number) {
    super(`bytes of ${file.path} have not been fetched, and nobody fetches them here`);
    this.file = file;
    this.first = first;
    this.last = last;
  }
}

/**
 * Does what only reads, until all that it reads is there.
 *
 * @param run Has no effect but what it gives: it is done again from its beginning.
 * @param signal Ends the waiting.
 * @throws The signal's reason; {ImageError} what fetching fails with, and `ERROR_NOT_ENOUGH_MEMORY` if more has to be
 * there at once than is kept.
 */
export function whenFetched<T>(run: () => T, signal?: AbortSignal): T | Promise<T> {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof BytesMissing)) throw error;
    return again(error, () => Promise.try(run), signal);
  }
}

/** As {@linkcode whenFetched}, for what takes a while itself. */
export async function whenAllFetched<T>(run: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof BytesMissing)) throw error;
    return await again(error, run, signal);
  }
}

async function again<T>(
  first: BytesMissing,
  run: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const fetched = new Map<string, number>();
  for (let missing = first;;) {
    const key = `${missing.file.identity()}: ${missing.first} to ${missing.last}`;
    const times = (fetched.get(key) ?? 0) + 1;
    if (times > MAX_REPEATS) throw tooMuch(missing.file);
    fetched.set(key, times);
    await unlessAborted(missing.file.fetch(missing.first, missing.last), signal);
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof BytesMissing)) throw error;
      missing = error;
    }
  }
}

/**
 * What a generator gives, each time that bytes are missing from a new one, without what had been given before.
 *
 * @param create Makes one; all give the same.
 */
export async function* eachFetched<T>(
  create: () => Iterator<T>,
  signal?: AbortSignal,
): AsyncGenerator<T> {
  let items: Iterator<T> | undefined;
  let given = 0;
  const next = () => {
    try {
      if (items === undefined) {
        items = create();
        for (let i = 0; i < given; i++) items.next();
      }
      return items.next();
    } catch (error) {
      items = undefined;
      throw error;
    }
  };
  while (true) {
    // What is there needs no waiting.
    const answer = whenFetched(next, signal);
    const { value, done } = answer instanceof Promise ? await answer : answer;
    if (done) return;
    given++;
    yield value;
  }
}

async function unlessAborted(done: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await done;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    await Promise.race([done, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function tooMuch({ path }: FetchedFile): ImageError {
  return new ImageError("ERROR_NOT_ENOUGH_MEMORY", {
    path,
    reason: `this needs more of the image at once than the ${
      MAX_PAGES * PAGE_SIZE / 2 ** 20
    } MiB that are kept of what is fetched`,
    causes: ["Save the image to a file, and open that."],
  });
}

/** An image that is fetched, page by page, as it is read. */
export class FetchedFile implements OpenFile {
  readonly path: string;
  readonly origin: object;
  readonly size: number;
  readonly hasFailed = false;
  readonly lacksRoom = false;
  readonly #fetcher: ByteFetcher;
  /** By number, in the order of last use, oldest first. */
  readonly #pages = new Map<number, Uint8Array>();
  /** Being fetched. */
  readonly #pending = new Map<number, Promise<void>>();
  readonly #closing = new AbortController();
  /** The page behind those that were fetched last, and the one behind those that were fetched ahead of them. */
  #next = -1;
  #ahead = -1;
  /** How many pages are fetched at once. */
  #window = MIN_WINDOW;

  constructor(fetcher: ByteFetcher) {
    this.#fetcher = fetcher;
    this.path = fetcher.name;
    this.origin = fetcher.origin;
    this.size = fetcher.size;
    const { head } = fetcher;
    if (head !== undefined) this.#keep(0, head);
  }

  /** @throws {BytesMissing} What {@linkcode whenFetched} waits for. */
  readAt(buffer: Uint8Array, offset: number): number {
    if (this.#closing.signal.aborted) throw closed(this);
    const length = Math.max(0, Math.min(buffer.length, this.size - offset));
    if (length === 0) return 0;
    const first = pageOf(offset);
    const last = pageOf(offset + length - 1);
    if (last - first >= MAX_PAGES) throw tooMuch(this);
    for (let number = first; number <= last; number++) {
      if (!this.#pages.has(number)) throw new BytesMissing(this, number, last);
    }
    for (let number = first; number <= last; number++) {
      const page = this.#use(number);
      const start = number * PAGE_SIZE;
      const from = Math.max(offset, start);
      const to = Math.min(offset + length, start + page.length);
      buffer.set(page.subarray(from - start, to - start), from - offset);
    }
    return length;
  }

  /**
   * Fetches the pages from the first to the last that are not there; and more, if they go on where the last ones ended.
   *
   * @throws {ImageError} What fetching fails with.
   */
  async fetch(first: number, last: number): Promise<void> {
    const isNext = first === this.#next || first === this.#ahead;
    this.#window = isNext ? Math.min(MAX_WINDOW, 2 * this.#window) : MIN_WINDOW;
    const end = Math.max(last, first + this.#window - 1);
    const loads = this.#load(first, end);
    this.#window = Math.max(this.#window, Math.min(MAX_WINDOW, last - first + 1));
    this.#next = end + 1;
    this.#ahead = this.#next;
    if (isNext && this.#window === MAX_WINDOW) {
      // While these are worked through, the next ones come in. What they fail with, they fail with again.
      this.#ahead = this.#next + MAX_WINDOW;
      this.#load(this.#next, this.#ahead - 1);
    }
    await Promise.all(loads);
  }

  writeAt(): void {
    throw onlyRead(this.path);
  }

  truncate(): void {
    throw onlyRead(this.path);
  }

  flush(): void {}

  retryable<T>(run: () => T): T {
    return run();
  }

  identity(): string {
    return sourceIdentity(this);
  }

  /** Ends what is being fetched. */
  close(): void {
    this.#closing.abort();
    this.#pages.clear();
  }

  /** Begins to fetch what of a range is neither there nor on its way; gives what is to be waited for. */
  #load(first: number, last: number): Promise<void>[] {
    const end = Math.min(last, pageOf(this.size - 1));
    const loads = new Set<Promise<void>>();
    for (let number = first; number <= end; number++) {
      const pending = this.#pending.get(number);
      if (pending !== undefined) {
        loads.add(pending);
        continue;
      }
      if (this.#pages.has(number)) continue;
      const start = number;
      while (number < end && !this.#pages.has(number + 1) && !this.#pending.has(number + 1)) {
        number++;
      }
      const load = this.#loadRun(start, number);
      // Nobody may be waiting for it any more when it fails.
      load.catch(() => {});
      for (let page = start; page <= number; page++) this.#pending.set(page, load);
      loads.add(load);
    }
    return [...loads];
  }

  async #loadRun(first: number, last: number): Promise<void> {
    const start = first * PAGE_SIZE;
    const { signal } = this.#closing;
    try {
      const length = Math.min(this.size, (last + 1) * PAGE_SIZE) - start;
      const bytes = await this.#fetcher.fetch(start, length, signal);
      if (!signal.aborted) this.#keep(first, bytes);
    } catch (error) {
      // Whoever reads on is told that the file is closed.
      if (!signal.aborted) throw error;
    } finally {
      for (let page = first; page <= last; page++) this.#pending.delete(page);
    }
  }

  /** Keeps whole pages, and a part of one at the end of the file alone. */
  #keep(first: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      // A part of a longer array would keep all of it.
      const page = bytes.slice(at, at + PAGE_SIZE);
      const number = first + at / PAGE_SIZE;
      if (page.length < PAGE_SIZE && number * PAGE_SIZE + page.length < this.size) return;
      this.#pages.delete(number);
      this.#pages.set(number, page);
    }
    for (const oldest of this.#pages.keys()) {
      if (this.#pages.size <= MAX_PAGES) return;
      this.#pages.delete(oldest);
    }
  }

  #use(number: number): Uint8Array {
    const page = this.#pages.get(number)!;
    this.#pages.delete(number);
    this.#pages.set(number, page);
    return page;
  }
}

function pageOf(offset: number): number {
  return Math.floor(offset / PAGE_SIZE);
}

/** What is fetched cannot be written. */
export function onlyRead(path: string): ImageError {
  return new ImageError("ERROR_WRITE_PROTECT", {
    path,
    reason: "what the disk is opened with can only be read",
    causes: ["Leave `readOnly` out; to change what it holds, save it to a file first."],
  });
}

function closed({ path }: FetchedFile): ImageError {
  return new ImageError("ERROR_INVALID_HANDLE", { path, reason: "the image has been closed" });
}

/** The bytes of a Blob. */
export function blobFetcher(blob: Blob, name: string): ByteFetcher {
  return {
    name,
    origin: blob,
    size: blob.size,
    async fetch(offset, length) {
      let bytes;
      try {
        bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (error) {
        throw new ImageError("ERROR_READ_FAULT", {
          path: name,
          reason: `the Blob could not be read: ${error instanceof Error ? error.message : error}`,
          about: ["handle"],
          cause: error,
        });
      }
      if (bytes.length === length) return bytes;
      throw new ImageError("ERROR_HANDLE_EOF", {
        path: name,
        reason: `the Blob gave ${bytes.length} bytes of ${length} from ${offset} on`,
        about: ["handle"],
      });
    },
  };
}
