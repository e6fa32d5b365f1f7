/** Which lines of the program each file of tests runs. */
import { coveredBy } from "./covered.ts";
import type { Workshop } from "./workshop.ts";

/** A file of tests. */
export interface TestFile {
  /** Below the root. */
  readonly path: string;
  /** Seconds of CPU time. */
  readonly seconds: number;
  /** By file of the program: the lines that it runs. */
  readonly lines: Readonly<Record<string, readonly number[]>>;
}

/** Seconds of CPU time for one file. */
const LIMIT = 300;

/** What is known of files of tests: each is looked at when it is asked for, once. */
export class Coverage {
  readonly #known = new Map<string, TestFile>();
  readonly #asked = new Map<string, Promise<TestFile>>();

  /** Seconds of CPU time; `undefined` of what has not been looked at. */
  secondsOf(path: string): number | undefined {
    return this.#known.get(path)?.seconds;
  }

  /** @throws {Error} If the tests fail: of the program as it is, all hold. */
  of(path: string, workshop: Workshop): Promise<TestFile> {
    let asked = this.#asked.get(path);
    if (asked === undefined) this.#asked.set(path, asked = this.#lookAt(path, workshop));
    return asked;
  }

  async #lookAt(path: string, workshop: Workshop): Promise<TestFile> {
    const { seconds, files } = await coveredBy(workshop, [path], LIMIT);
    const test = {
      path,
      seconds,
      lines: Object.fromEntries(files.map(({ path, lines }) => [path, lines])),
    };
    this.#known.set(path, test);
    return test;
  }
}
