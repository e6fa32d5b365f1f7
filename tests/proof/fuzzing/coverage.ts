/** Which blocks of the source have run, as V8 counts them (the Profiler of the inspector's protocol). */
import { Session } from "node:inspector";

/** What ran since it was asked last: for each function, which of its characters. */
interface Ran {
  /** The function: its file, and where it begins and ends in it. */
  readonly key: string;
  readonly start: number;
  /** Outer ranges come first; a range says of all its characters how often they ran, unless an inner one says more. */
  readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[];
}

/** The part of the protocol's answer that is used. */
interface Answer {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: Ran["ranges"] }[];
  }[];
}

/**
 * Counts from now on: branches of functions that have not run before, of others whole functions. Costs about as much as running the code, and a few milliseconds for each question: so it is
 * asked after many cases, and after single ones only if there was something new among them.
 */
export class Coverage implements Disposable {
  readonly #session = new Session();
  readonly #isCounted: (url: string) => boolean;
  readonly #covered = new Map<string, Uint8Array>();
  #characters = 0;
  #isOver = false;

  private constructor(isCounted: (url: string) => boolean) {
    this.#isCounted = isCounted;
  }

  /** @param isCounted Of which files. */
  static async start(isCounted: (url: string) => boolean): Promise<Coverage> {
    const coverage = new Coverage(isCounted);
    coverage.#session.connect();
    await coverage.#post("Profiler.enable");
    await coverage.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    return coverage;
  }

  /** How many characters of the source have run so far, in functions. */
  get characters(): number {
    return this.#characters;
  }

  /** Whether anything ran since it was asked last that had never run before; it counts as run only if `keep`. */
  async isNew(keep: boolean): Promise<boolean> {
    let isNew = false;
    for (const ran of await this.#take()) {
      const fresh = this.#add(ran, keep);
      isNew ||= fresh;
    }
    return isNew;
  }

  /** Ends the count; what was found out remains. */
  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#session.disconnect();
  }

  #add({ key, start, ranges }: Ran, keep: boolean): boolean {
    const length = ranges[0]!.endOffset - start;
    const known = this.#covered.get(key) ?? new Uint8Array(length);
    const now = new Uint8Array(length);
    for (const { startOffset, endOffset, count } of ranges) {
      now.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
    }
    let fresh = 0;
    for (let i = 0; i < length; i++) if (now[i]! > known[i]!) fresh++;
    if (fresh === 0 || !keep) return fresh > 0;
    for (let i = 0; i < length; i++) known[i]! |= now[i]!;
    this.#covered.set(key, known);
    this.#characters += fresh;
    return true;
  }

  async #take(): Promise<Ran[]> {
    const { result } = await this.#post<Answer>("Profiler.takePreciseCoverage");
    return result.filter(({ url }) => this.#isCounted(url)).flatMap(({ url, functions }) =>
      functions.filter(({ ranges }) => ranges[0]!.count > 0).map(({ ranges }) => {
        const [{ startOffset: start, endOffset }] = ranges as [Ran["ranges"][number]];
        return { key: `${url} ${start} ${endOffset}`, start, ranges };
      })
    );
  }

  #post<T>(method: string, parameters: object = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#session.post(method, parameters, (error: Error | null, answer?: object) => {
        if (error === null) resolve(answer as T);
        else reject(error);
      });
    });
  }
}
