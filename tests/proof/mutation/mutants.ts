/** All mutants of some files, found by `deno lint` with a plugin, and a sample of them. */
import { join, relative, resolve, toFileUrl } from "@std/path";
import { Random } from "../../fuzz/random.ts";
import { denoCommand } from "../../deno_command.ts";
import { ROOT, TempDir } from "../../support.ts";
import { type Replacement, RULE } from "./operators.ts";

/** A file with one small change. */
export interface Mutant extends Replacement {
  /** Below the root, with slashes. */
  readonly file: string;
  /** Where the change begins, from 1. */
  readonly line: number;
  /** The whole line, without the spaces around it. */
  readonly code: string;
  /** What stood there. */
  readonly original: string;
}

/** All mutants of the files in these folders below the root, in the order of files and places. */
export function findMutants(folders: readonly string[]): Mutant[] {
  using dir = new TempDir();
  const config = dir.file("deno.json");
  const plugins = [toFileUrl(join(ROOT, "tests/proof/mutation/operators.ts")).href];
  Deno.writeTextFileSync(
    config,
    JSON.stringify({ lint: { plugins, rules: { tags: [], include: [RULE] } } }),
  );
  const { stdout, stderr } = denoCommand({
    args: ["lint", "--json", "--config", config, ...folders.map((each) => resolve(ROOT, each))],
  }).outputSync();
  const text = new TextDecoder();
  const { diagnostics, errors } = JSON.parse(text.decode(stdout)) as {
    readonly diagnostics: readonly { filename: string; message: string; code: string }[];
    readonly errors: readonly unknown[];
  };
  if (errors.length > 0) {
    throw new Error(`deno lint: ${JSON.stringify(errors)}${text.decode(stderr)}`);
  }
  const sources = new Map<string, string>();
  const mutants: Mutant[] = [];
  for (const { filename, message, code } of diagnostics) {
    if (code !== RULE) continue;
    const file = relative(ROOT, new URL(filename).pathname);
    let source = sources.get(file);
    if (source === undefined) sources.set(file, source = Deno.readTextFileSync(join(ROOT, file)));
    mutants.push(mutantOf(file, source, JSON.parse(message)));
  }
  return mutants.sort((a, b) =>
    a.file === b.file ? a.start - b.start || a.end - b.end : a.file < b.file ? -1 : 1
  );
}

function mutantOf(file: string, source: string, replacement: Replacement): Mutant {
  const { start, end } = replacement;
  const lineStart = source.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = source.indexOf("\n", start);
  return {
    ...replacement,
    file,
    line: source.slice(0, start).split("\n").length,
    code: source.slice(lineStart, lineEnd).trim(),
    original: source.slice(start, end),
  };
}

/** The file with the change. */
export function mutated(source: string, { start, end, text }: Replacement): string {
  return source.slice(0, start) + text + source.slice(end);
}

/** What an entry of the kept list names a mutant by: it does not move with the lines. */
export function nameOf({ file, code, original, text }: Mutant): string {
  return `${file}: ${code} [${original.replaceAll(/\s+/g, " ")} => ${text.trim()}]`;
}

/**
 * So many, in an order of their own: the first ones of a larger sample are a smaller one, and each has of every file
 * about its share.
 */
export function sampleOf<M extends Mutant>(
  mutants: readonly M[],
  count: number,
  seed: number,
): M[] {
  const random = new Random(seed);
  const placed = [...Map.groupBy(mutants, ({ file }) => file).values()].flatMap((own) => {
    const left = [...own];
    const first = random.uint32() / 2 ** 32;
    return own.map((_, i) => ({
      mutant: left.splice(random.below(left.length), 1)[0]!,
      place: (i + first) / own.length,
    }));
  });
  return placed.sort((a, b) => a.place - b.place).slice(0, count).map(({ mutant }) => mutant);
}
