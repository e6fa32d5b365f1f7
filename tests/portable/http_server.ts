/** A web server that gives files by ranges, and misbehaves as a test wants it to. */

/** A request, as far as the tests look at it. */
export interface Asked {
  readonly path: string;
  readonly range: string | null;
  readonly ifRange: string | null;
}

/** What is asked for. */
export interface Wanted {
  readonly path: string;
  readonly start: number;
  /** Exclusive; the end of the file if the request says none. */
  readonly end: number;
  /** How many requests there were before. */
  readonly count: number;
}

/** Answers in another way than a good server; nothing leaves it to that. */
export type Behaviour = (
  wanted: Wanted,
  files: Record<string, Uint8Array<ArrayBuffer>>,
) => Response | undefined | Promise<Response | undefined>;

export class ImageServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** By path. */
  readonly files: Record<string, Uint8Array<ArrayBuffer>>;
  /** Files that are too long to be kept in memory. */
  readonly stored: Record<string, { readonly path: string; readonly size: number }> = {};
  etag: string | null = '"one"';
  lastModified: string | null = "Mon, 30 Nov 2026 00:00:00 GMT";
  behaviour: Behaviour;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  readonly #scheme: string;

  constructor(
    files: Record<string, Uint8Array<ArrayBuffer>>,
    behaviour: Behaviour = () => undefined,
    tls?: { readonly key: string; readonly cert: string },
  ) {
    this.#scheme = tls === undefined ? "http" : "https";
    this.files = files;
    this.behaviour = behaviour;
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return `127.0.0.1:${this.#server.addr.port}`;
  }

  url(path: string): URL {
    return new URL(`${this.#scheme}://${this.host}/${path}`);
  }

  /** The headers of a good answer. */
  headers(wanted: Pick<Wanted, "path" | "start" | "end">): Record<string, string> {
    const size = this.#sizeOf(wanted.path);
    return {
      "accept-ranges": "bytes",
      "content-range": `bytes ${wanted.start}-${wanted.end - 1}/${size}`,
      ...(this.etag === null ? {} : { etag: this.etag }),
      ...(this.lastModified === null ? {} : { "last-modified": this.lastModified }),
    };
  }

  /** A good answer, but for what is told of it. */
  part(
    wanted: Pick<Wanted, "path" | "start" | "end">,
    headers: Record<string, string> = {},
  ): Response {
    const bytes = this.#bytes(wanted);
    return new Response(bytes, { status: 206, headers: { ...this.headers(wanted), ...headers } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #sizeOf(path: string): number {
    return this.stored[path]?.size ?? this.files[path]?.length ?? 0;
  }

  #bytes({ path, start, end }: Pick<Wanted, "path" | "start" | "end">): Uint8Array<ArrayBuffer> {
    const stored = this.stored[path];
    if (stored === undefined) return this.files[path]!.slice(start, end);
    using file = Deno.openSync(stored.path);
    file.seekSync(start, Deno.SeekMode.Start);
    const bytes = new Uint8Array(end - start);
    for (let done = 0; done < bytes.length;) done += file.readSync(bytes.subarray(done))!;
    return bytes;
  }

  async #answer(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname.slice(1);
    const { headers } = request;
    const range = headers.get("range");
    const ifRange = headers.get("if-range");
    const count = this.asked.push({ path, range, ifRange }) - 1;
    const file = this.files[path];
    const size = this.#sizeOf(path);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
    const start = Number(from ?? 0);
    const end = Math.min(size, Number(to ?? size - 1) + 1);
    const wanted = { path, start, end, count };
    const own = await this.behaviour(wanted, this.files);
    if (own !== undefined) return own;
    if (file === undefined && size === 0) return new Response("not here", { status: 404 });
    if (range === null || ifRange !== null && ifRange !== this.etag) {
      const { "content-range": _, ...rest } = this.headers(wanted);
      return new Response(file, { headers: rest });
    }
    if (start >= size) {
      return new Response(null, { status: 416, headers: { "content-range": `bytes */${size}` } });
    }
    return this.part(wanted);
  }
}
