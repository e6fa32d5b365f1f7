/** What programs make of an image file: one answer for each program, whatever goes wrong. */
import { crc32 } from "node:zlib";

/** An image to be read. */
export interface Request {
  readonly path: string;
  readonly parent: string | undefined;
  /** Bytes of the sound disk: a reader may stop where the disk has another size. */
  readonly size: number;
}

/** What comes of it. */
export type Reading =
  /** The process ended as no program should. */
  | { readonly kind: "crash"; readonly how: string }
  /** No answer in the time that there was. */
  | { readonly kind: "hang" }
  /** An error that does not say what it is. */
  | { readonly kind: "untyped"; readonly how: string }
  | { readonly kind: "refused"; readonly how: string }
  | {
    readonly kind: "bytes";
    /** Of all bytes, as `checksumOf()` gives it; `undefined` if they are known to be others than expected. */
    readonly checksum: number | undefined;
  };

/**
 * What tells bytes from others: CRC-32, which every program has, and is done in a fraction of the time that reading
 * takes. It finds every difference within 32 bits, and of four thousand million others all but one.
 */
export function checksumOf(bytes: Uint8Array): number {
  return crc32(bytes);
}

/** Milliseconds for a program to start. */
const START_LIMIT = 180_000;

/** A process that reads images: a line of JSON for each image, and a line for each answer. */
export class ReaderProcess implements AsyncDisposable {
  readonly #start: () => Deno.ChildProcess;
  readonly #limit: number;
  readonly #startLimit: number;
  #running: Running | undefined;

  /**
   * @param start Starts it, with pipes.
   * @param limit Milliseconds for one image.
   * @param startLimit Milliseconds more for the first one.
   */
  constructor(start: () => Deno.ChildProcess, limit: number, startLimit: number = START_LIMIT) {
    this.#start = start;
    this.#limit = limit;
    this.#startLimit = startLimit;
  }

  /** Reads an image; a process that died or hung is replaced for the next one. */
  async read(request: Request): Promise<Reading> {
    const isFirst = this.#running === undefined;
    const running = this.#running ??= new Running(this.#start());
    // A program that starts beside others may take longer than it takes for any image.
    const limit = this.#limit + (isFirst ? this.#startLimit : 0);
    const answer = await running.ask(JSON.stringify(request), limit);
    if (typeof answer === "string") return JSON.parse(answer);
    this.#running = undefined;
    const how = await running.end();
    return answer === undefined ? { kind: "hang" } : { kind: "crash", how };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.end();
  }
}

const DIED = Symbol("died");

class Running {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #left = "";

  constructor(process: Deno.ChildProcess) {
    this.#process = process;
    this.#input = process.stdin.getWriter();
    this.#output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The answer; `undefined` if there is none in time, `DIED` if there will not be one. */
  async ask(line: string, limit: number): Promise<string | undefined | typeof DIED> {
    let timer;
    const timeout = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), limit);
    });
    try {
      await this.#input.write(new TextEncoder().encode(`${line}\n`));
      return await Promise.race([this.#line(), timeout]);
    } catch {
      return DIED;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it; says how it ended. */
  async end(): Promise<string> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    const { code, signal } = await this.#process.status;
    await this.#input.close().catch(() => {});
    await this.#output.cancel().catch(() => {});
    return signal ?? `exit code ${code}`;
  }

  async #line(): Promise<string | typeof DIED> {
    for (;;) {
      const end = this.#left.indexOf("\n");
      if (end >= 0) {
        const line = this.#left.slice(0, end);
        this.#left = this.#left.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#output.read();
      if (done) return DIED;
      this.#left += value;
    }
  }
}
