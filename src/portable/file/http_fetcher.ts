/**
 * An image on a web server, fetched by range requests.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9110#name-range-requests}
 * @module
 */
import { nameOfSource } from "../../disk/disk_source.ts";
import { pauseFor } from "../../disk/pause.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import type { ByteFetcher } from "./fetched_file.ts";
import { ImageError } from "./image_error.ts";

/** How much of the beginning is asked for at first: the headers and region tables of a VHDX, and what tells an ISO. */
const HEAD_LENGTH = 2 ** 19;
/** Bytes after which a server that breaks off counts as one that gets on. */
const PROGRESS = 2 ** 16;
const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** What a place says that was good for a while, as those that are signed are. */
const GONE: readonly number[] = [401, 403, 404, 410];
/** What may be otherwise in a moment. */
const PASSING: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

/** How long a server is given, in milliseconds. */
export interface Patience {
  /** Without a single byte. */
  readonly idle: number;
  /** Between tries. */
  readonly pauses: readonly number[];
}

const PATIENCE: Patience = { idle: 30_000, pauses: [200, 1000, 3000] };

const SAVE = "Save the file to the disk, and open that.";

/** What tells one version of a file from another. */
interface Version {
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** What is no fault of the file's, and may be better in a moment. */
class Passing extends Error {
  readonly failure: ImageError;

  constructor(failure: ImageError) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The file of an `http:` or `https:` URL. */
export class HttpFetcher implements ByteFetcher {
  readonly name: string;
  readonly origin: URL;
  readonly #patience: Patience;
  /** Where the file is, after redirects. */
  #place: URL;
  #size = 0;
  #version: Version = { etag: null, lastModified: null };
  #head: Uint8Array | undefined;
  /** Once the file has become another, nothing more is taken from it. */
  #changed: ImageError | undefined;

  private constructor(url: URL, patience: Patience) {
    // Whoever passed it may change it.
    this.origin = new URL(url);
    this.name = nameOfSource(url);
    this.#place = this.origin;
    this.#patience = patience;
  }

  /**
   * Asks for the beginning of the file, and learns how long it is.
   *
   * @throws {ImageError} `ERROR_NOT_SUPPORTED` for a server that answers no ranges, or does not say which version of
   * the file it answers with; `ERROR_FILE_NOT_FOUND`, `ERROR_ACCESS_DENIED`, `ERROR_NOT_READY` as it says itself;
   * `ERROR_BAD_NETPATH`, `ERROR_TIMEOUT`, `ERROR_READ_FAULT`.
   * @throws {Deno.errors.NotCapable} Without `--allow-net` for the server.
   */
  static async open(
    url: URL,
    signal: AbortSignal = new AbortController().signal,
    patience: Patience = PATIENCE,
  ): Promise<HttpFetcher> {
    const fetcher = new HttpFetcher(url, patience);
    await fetcher.#patiently(signal, () => fetcher.#begin(signal));
    return fetcher;
  }

  get size(): number {
    return this.#size;
  }

  get head(): Uint8Array {
    const head = this.#head ?? new Uint8Array();
    // It is asked for once, and may be forgotten then.
    this.#head = undefined;
    return head;
  }

  async fetch(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array> {
    if (this.#changed !== undefined) throw this.#changed;
    const bytes = new Uint8Array(length);
    let done = 0;
    let counted = 0;
    await this.#patiently(signal, async () => {
      while (done < length) {
        const target = bytes.subarray(done);
        const response = await this.#exchange(offset + done, target.length, signal);
        const end = this.#rangeOf(response, offset + done, target.length);
        await this.#fill(response, target.subarray(0, end - offset - done), signal, (count) => {
          done += count;
        });
        // An answer may be shorter than what was asked for, but a file is not fetched by the byte.
        if (done < length && done - counted < PROGRESS) {
          counted = done;
          throw new Passing(this.#broken(`the server answers with less than it is asked for`));
        }
        counted = done;
      }
    }, () => done);
    return bytes;
  }

  /** Tries until it succeeds, or has failed too often without getting on. */
  async #patiently(
    signal: AbortSignal,
    run: () => Promise<void>,
    progress: () => number = () => 0,
  ): Promise<void> {
    let failures = 0;
    let before = 0;
    while (true) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof Passing)) throw error;
        const now = progress();
        if (now - before >= PROGRESS) failures = 0;
        before = now;
        const pause = this.#patience.pauses[failures++];
        if (pause === undefined) throw error.failure;
        await pauseFor(pause, signal);
      }
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const response = await this.#exchange(0, HEAD_LENGTH, signal);
    const { status, headers } = response;
    if (status === 416 && rangeIn(headers)?.total === 0) {
      await discard(response);
      return;
    }
    const length = Number(headers.get("content-length") ?? NaN);
    const isWhole = status === 200 && length <= HEAD_LENGTH;
    const range = status === 206 ? rangeIn(headers) : undefined;
    const total = isWhole ? length : range?.total;
    if (total === undefined || isEncoded(headers)) {
      await discard(response);
      throw this.#refusal(response);
    }
    this.#version = { etag: headers.get("etag"), lastModified: headers.get("last-modified") };
    const { etag, lastModified } = this.#version;
    if (!isWhole && etag === null && lastModified === null) {
      await discard(response);
      throw this.#error(
        "ERROR_NOT_SUPPORTED",
        "the server tells neither ETag nor Last-Modified of the file: one that changes meanwhile would be read as a " +
          "mix of both",
        SAVE,
      );
    }
    this.#size = total;
    const end = isWhole ? total : this.#rangeOf(response, 0, HEAD_LENGTH);
    const head = new Uint8Array(end);
    let done = 0;
    await this.#fill(response, head, signal, (count) => {
      done += count;
    });
    this.#head = head.subarray(0, done);
  }

  /**
   * Where the range of an answer ends.
   *
   * @throws {ImageError} If it is not a part of what was asked for, or of another file.
   */
  #rangeOf(response: Response, offset: number, length: number): number {
    const { status, headers } = response;
    const range = status === 206 ? rangeIn(headers) : undefined;
    try {
      if (status === 200) {
        const length = headers.get("content-length");
        this.#assertSame(headers, length === null ? this.#size : Number(length));
      }
      if (status === 416) throw this.#change("it has become shorter");
      if (range === undefined || isEncoded(headers)) throw this.#refusal(response);
      this.#assertSame(headers, range.total);
      const { start, end } = range;
      if (start === offset && end > start && end <= offset + length && end <= this.#size) {
        return end;
      }
      throw this.#error(
        "ERROR_INVALID_DATA",
        `the server answers with the bytes from ${start} to ${end} where those from ${offset} to ${
          offset + length
        } were asked for`,
      );
    } catch (error) {
      // Nobody reads what follows.
      discard(response);
      throw error;
    }
  }

  /** @throws {ImageError} `ERROR_FILE_INVALID` if the file is no longer what it was. */
  #assertSame(headers: Headers, total: number | undefined): void {
    const { etag, lastModified } = this.#version;
    const now = { etag: headers.get("etag"), lastModified: headers.get("last-modified") };
    // With a strong ETag an answer without one is of that version: it was asked for.
    const isSame = (before: string | null, after: string | null) =>
      before === after || after === null && isStrong(etag);
    const what = total !== this.#size
      ? `it had ${this.#size} bytes, and has ${total} now`
      : !isSame(etag, now.etag)
      ? `its ETag was ${etag}, and is ${now.etag} now`
      : !isSame(lastModified, now.lastModified)
      ? `it was last modified on ${lastModified}, and is now on ${now.lastModified}`
      : undefined;
    if (what !== undefined) throw this.#change(what);
  }

  #change(what: string): ImageError {
    this.#changed = this.#error(
      "ERROR_FILE_INVALID",
      `the file on the server has changed since it was opened: ${what}`,
      "Open it again.",
    );
    return this.#changed;
  }

  /** Copies what an answer holds; tells of each piece. */
  async #fill(
    response: Response,
    target: Uint8Array,
    signal: AbortSignal,
    told: (count: number) => void,
  ): Promise<void> {
    const reader = response.body?.getReader();
    let done = 0;
    try {
      while (reader !== undefined) {
        const { value, done: isOver } = await this.#soon(signal, () => reader.read());
        if (isOver) break;
        if (done + value.length > target.length) {
          throw this.#error(
            "ERROR_INVALID_DATA",
            `the server answers with more than the ${target.length} bytes that it says`,
          );
        }
        target.set(value, done);
        done += value.length;
        told(value.length);
      }
    } finally {
      reader?.cancel().catch(() => {});
    }
    if (done < target.length) {
      throw new Passing(this.#broken(`the answer ended after ${done} of ${target.length} bytes`));
    }
  }

  /** Asks for a range, wherever the file is. */
  async #exchange(offset: number, length: number, signal: AbortSignal): Promise<Response> {
    let place = this.#place;
    let isAgain = place === this.origin;
    for (let redirects = 0;;) {
      const response = await this.#ask(place, offset, length, signal);
      const { status, headers } = response;
      if (REDIRECTS.includes(status)) {
        await discard(response);
        if (++redirects > MAX_REDIRECTS) {
          throw this.#error("ERROR_BAD_PATHNAME", `the server redirects again and again`);
        }
        place = this.#redirected(place, headers.get("location"));
        continue;
      }
      if (GONE.includes(status) && !isAgain) {
        await discard(response);
        isAgain = true;
        place = this.origin;
        continue;
      }
      this.#place = place;
      if (status === 200 || status === 206 || status === 416) return response;
      await discard(response);
      throw this.#failed(response);
    }
  }

  async #ask(place: URL, offset: number, length: number, signal: AbortSignal): Promise<Response> {
    assertAllowed(place, this.origin);
    const { etag } = this.#version;
    const headers = {
      "accept-encoding": "identity",
      "range": `bytes=${offset}-${offset + length - 1}`,
      // A server that has another version by now answers with all of it.
      ...(isStrong(etag) ? { "if-range": etag } : {}),
    };
    return await this.#soon(
      signal,
      (signal) => fetch(place, { headers, redirect: "manual", signal }),
    );
  }

  /** Where a redirect leads. It may lead to another server, but not to an unprotected one, or to no server at all. */
  #redirected(from: URL, location: string | null): URL {
    const target = location === null ? null : URL.parse(location, from);
    if (target === null) {
      throw this.#error("ERROR_INVALID_DATA", "the server redirects, and does not say where to");
    }
    const isSafe = target.protocol === "https:" ||
      target.protocol === "http:" && from.protocol === "http:";
    if (isSafe) return target;
    throw this.#error(
      "ERROR_ACCESS_DENIED",
      `the server redirects to ${nameOfSource(target)}, which is not https:`,
      `If you trust that place, open it instead.`,
    );
  }

  /** Waits for a step of an exchange, but not longer than a server is given. */
  async #soon<T>(signal: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const idle = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const { idle: limit } = this.#patience;
    const stop = () => {
      idle.abort();
      reject(signal.aborted ? signal.reason : this.#slow(limit));
    };
    const timer = setTimeout(stop, limit);
    signal.addEventListener("abort", stop);
    try {
      signal.throwIfAborted();
      return await Promise.race([run(idle.signal), promise]);
    } catch (error) {
      const isOther = signal.aborted || error instanceof Passing || error instanceof ImageError ||
        error instanceof Deno.errors.NotCapable;
      if (isOther) throw error;
      throw new Passing(this.#unreachable(error));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      promise.catch(() => {});
    }
  }

  /** An answer that is none to a range of the file as it was. */
  #refusal({ status, headers }: Response): ImageError {
    if (isEncoded(headers)) {
      const encoding = headers.get("content-encoding");
      return this.#error(
        "ERROR_NOT_SUPPORTED",
        `the server packs the file (${encoding}), so that nothing can be read from its middle`,
        SAVE,
      );
    }
    return this.#error(
      "ERROR_NOT_SUPPORTED",
      status === 206
        ? "the server answers with a part of the file, and does not say which"
        : "the server does not answer with parts of the file (range requests), only with all of it",
      SAVE,
      "For a raw disk, hand over a stream: `convertVirtualDisk((await fetch(url)).body, target)`.",
    );
  }

  #failed({ status, statusText }: Response): ImageError | Passing {
    const said = `the server says ${status}${statusText === "" ? "" : ` (${statusText})`}`;
    if (PASSING.includes(status)) {
      const about = "Try again later.";
      return new Passing(this.#error("ERROR_NOT_READY", said, about));
    }
    if (status === 404 || status === 410) return this.#error("ERROR_FILE_NOT_FOUND", said);
    if (status === 401 || status === 403 || status === 407) {
      return this.#error(
        "ERROR_ACCESS_DENIED",
        said,
        "Pass a URL that holds what gives access: a signature, or `https://user:password@host/`.",
      );
    }
    return this.#error(
      "ERROR_INVALID_DATA",
      `${said}, which is no answer to a request for a range`,
    );
  }

  #unreachable(error: unknown): ImageError {
    const said = error instanceof Error ? error.message : String(error);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "";
    return new ImageError("ERROR_BAD_NETPATH", {
      path: this.name,
      reason: `the server cannot be reached, or has broken off: ${
        [said, cause].filter((each) => each !== "").join(": ")
      }`,
      about: ["server"],
      cause: error,
    });
  }

  #slow(limit: number): Passing {
    const reason = `the server has not sent a byte for ${limit / 1000} seconds`;
    return new Passing(this.#error("ERROR_TIMEOUT", reason));
  }

  #broken(reason: string): ImageError {
    return this.#error("ERROR_READ_FAULT", reason);
  }

  #error(symbol: ErrorSymbol, reason: string, ...causes: string[]): ImageError {
    return new ImageError(symbol, {
      path: this.name,
      reason,
      ...(causes.length === 0 ? { about: ["server"] } : { causes }),
    });
  }
}

/** What `Content-Range` says; the end is exclusive. */
function rangeIn(
  headers: Headers,
): { readonly start: number; readonly end: number; readonly total: number } | undefined {
  const text = headers.get("content-range") ?? "";
  const [, first, last, total] =
    /^bytes (?:(\d{1,16})-(\d{1,16})|\*)\/(\d{1,16})$/i.exec(text.trim()) ??
      [];
  if (total === undefined) return undefined;
  return { start: Number(first ?? 0), end: Number(last ?? -1) + 1, total: Number(total) };
}

function isEncoded(headers: Headers): boolean {
  return !/^(identity)?$/i.test(headers.get("content-encoding")?.trim() ?? "");
}

/** Whether it names the bytes, not something like them (RFC 9110, 8.8.3.2). */
function isStrong(etag: string | null): etag is string {
  return etag !== null && etag.startsWith('"');
}

async function discard({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => {});
}

/**
 * Asks for the server: Deno's refusal would not say how to allow it alone.
 *
 * @throws {Deno.errors.NotCapable} As Deno's own.
 */
function assertAllowed(place: URL, asked: URL): void {
  const { hostname, port, protocol, host } = place;
  const number = port === "" ? protocol === "https:" ? 443 : 80 : port;
  const query = { name: "net", host: `${hostname}:${number}` } as const;
  if (Deno.permissions.requestSync(query).state === "granted") return;
  const why = host === asked.host ? "" : `, to which ${asked.host} redirects`;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${host}"${why}, run again with --allow-net=${host}`,
  );
}
