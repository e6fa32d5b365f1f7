/**
 * What became of mutants in earlier runs, in a file beside the project: a run that is ended goes on where it was, and
 * one after a change of some tests tries what these may notice, and nothing else.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { exists, ROOT } from "../../support.ts";
import type { Mutant } from "./mutants.ts";
import { isNoticed, type Verdict } from "./trial.ts";

/** A line of the file: a mutant was noticed, or was not by these files of tests. */
interface Line {
  readonly key: string;
  readonly end: Verdict["end"];
  readonly by?: { readonly file: string; readonly name: string };
  readonly tried: number;
  /** Files of tests as they were: of a mutant that was noticed, the one that noticed. */
  readonly files: readonly string[];
}

/** What is remembered. It holds as long as neither the file that is changed nor the files of tests are others. */
export class Memory {
  readonly #path: string | undefined;
  readonly #root: string;
  readonly #lines = new Map<string, Line[]>();
  readonly #hashes = new Map<string, string>();

  /**
   * @param path Of its file; nothing is remembered without one.
   * @param root Of the project.
   */
  constructor(path?: string, root = ROOT) {
    this.#path = path;
    this.#root = root;
    if (path === undefined || !exists(path)) return;
    for (const text of Deno.readTextFileSync(path).split("\n")) {
      if (text !== "") this.#add(JSON.parse(text));
    }
  }

  /** What noticed it, or how many tests did not; `undefined` of one that has not been tried. */
  verdictOf(mutant: Mutant): Verdict | undefined {
    const lines = this.#lines.get(this.#keyOf(mutant)) ?? [];
    const noticed = lines.find((line) =>
      isNoticed({ ...line, mutant }) && line.files.every((file) => this.#isAsItWas(file))
    );
    if (noticed !== undefined) {
      const { end, by, tried } = noticed;
      return { mutant, end, tried, ...by !== undefined && { by } };
    }
    const others = lines.filter((line) => !isNoticed({ ...line, mutant }));
    if (others.length === 0) return undefined;
    const tried = others.reduce((sum, line) => sum + line.tried, 0);
    return { mutant, tried, end: tried === 0 ? "not reached" : "survived" };
  }

  /** Those of some files of tests that have not been tried with a mutant. */
  untried(mutant: Mutant, files: readonly string[]): string[] {
    const lines = this.#lines.get(this.#keyOf(mutant)) ?? [];
    const tried = new Set(
      lines.filter((line) => !isNoticed({ ...line, mutant })).flatMap(({ files }) => files),
    );
    return files.filter((file) => !tried.has(this.#stateOf(file)));
  }

  /** Remembers what became of a mutant with files of tests. */
  add({ mutant, end, by, tried }: Verdict, files: readonly string[]): void {
    const states = (isNoticed({ mutant, end, tried }) && by !== undefined ? [by.file] : files)
      .map((file) => this.#stateOf(file));
    const key = this.#keyOf(mutant);
    const line: Line = { key, end, tried, files: states, ...by !== undefined && { by } };
    this.#add(line);
    if (this.#path === undefined) return;
    Deno.mkdirSync(dirname(this.#path), { recursive: true });
    Deno.writeTextFileSync(this.#path, `${JSON.stringify(line)}\n`, { append: true });
  }

  #add(line: Line): void {
    this.#lines.set(line.key, [...this.#lines.get(line.key) ?? [], line]);
  }

  #keyOf({ file, start, end, text }: Mutant): string {
    return `${this.#stateOf(file)}:${start}-${end}:${text}`;
  }

  #isAsItWas(state: string): boolean {
    const file = state.slice(0, state.lastIndexOf("@"));
    return exists(join(this.#root, file)) && this.#stateOf(file) === state;
  }

  /** A file with what is in it. */
  #stateOf(file: string): string {
    let hash = this.#hashes.get(file);
    if (hash === undefined) {
      const bytes = Deno.readFileSync(join(this.#root, file));
      hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
      this.#hashes.set(file, hash);
    }
    return `${file}@${hash}`;
  }
}

/** Where it is, if it is to be remembered. */
export const MEMORY = join(ROOT, ".cache", "mutants.jsonl");
