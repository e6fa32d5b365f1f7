/** The loop: mutants that reach what none has reached before are kept, and become the parents of the next. */
import { setImmediate } from "node:timers/promises";
import { Random } from "../../fuzz/random.ts";
import type { Coverage } from "./coverage.ts";
import { type Base, fileOf, type Mutant, mutate } from "./mutants.ts";
import type { GuardedFile } from "../../fuzz/guarded_file.ts";

/** What mutants are put through. */
export interface Target {
  readonly name: string;
  bases(): Base[] | Promise<Base[]>;
  /**
   * Does with a file what anybody could do.
   *
   * @returns Whether it was taken for what it should be.
   * @throws What must not happen.
   */
  run(file: GuardedFile, random: Random): boolean | Promise<boolean>;
}

/** What must not have happened. */
export interface Fault {
  readonly target: string;
  /** With as few changes as it takes. */
  readonly mutant: Mutant;
  readonly error: string;
}

/** What came of a target so far; whoever goes on begins with it. */
export interface FuzzState {
  /** Mutants that were run. */
  readonly cases: number;
  /** Of them, those of which was counted what they reach. */
  readonly counted: number;
  /** Of all, those that were not refused. */
  readonly taken: number;
  /** Kept, because they reached something new; the sound files come first. */
  readonly corpus: readonly Mutant[];
  /** Characters of the source that the sound files reach, and that all that were counted reach. */
  readonly sound: number;
  readonly reached: number;
  readonly faults: readonly Fault[];
  /** How the faults are told from each other. */
  readonly kinds: readonly string[];
}

/** What is about to be run. */
export interface Batch {
  /** How many were run before. */
  readonly done: number;
  readonly faults: readonly Fault[];
  readonly mutants: readonly Mutant[];
}

/** What a fuzzer may be asked. */
export interface FuzzWish {
  readonly target: Target;
  readonly count: number;
  /** Of the first so many is counted what they reach: it takes a few times as long as running them. */
  readonly counted: number;
  readonly seed: number;
  /** Ends when it has been used. */
  readonly coverage: Coverage;
  /** What came of it before. */
  readonly before?: FuzzState | undefined;
  /** Is told of cases before they are run, so that whoever watches knows what never came to an end. */
  onBatch(batch: Batch): void;
  /** Whether it is to end before all are run. */
  isOver?(): boolean;
}

/** So many are run before anybody asks what they reached. */
const BATCH = 32;
/** After so many kinds of faults a target is given up: there is enough to be mended. */
const MOST_FAULTS = 8;

/** Runs mutants of a target, `count` more of them. */
export async function fuzz(
  { target, count, counted, seed, coverage, before, onBatch, isOver = () => false }: FuzzWish,
): Promise<FuzzState> {
  const random = new Random(seed);
  const bases = new Map((await target.bases()).map((base) => [base.name, base]));
  const faults: Fault[] = [...before?.faults ?? []];
  // What goes wrong in one way is told once.
  const kinds = new Set<string>(before?.kinds);
  let taken = 0;
  const run = async (mutant: Mutant) => {
    try {
      if (await runMutant(target, bases, mutant)) taken++;
      return true;
    } catch (error) {
      const kind = kindOf(error);
      if (kinds.has(kind)) return false;
      kinds.add(kind);
      faults.push(await smallest(target, bases, mutant, error));
      return false;
    }
  };
  const corpus: Mutant[] = [];
  for (const base of bases.keys()) {
    const sound: Mutant = { base, patches: [], isSealed: false, seed: random.uint32() };
    await run(sound);
    corpus.push(sound);
  }
  await coverage.isNew(true);
  const sound = coverage.characters;
  // What they reach is not new.
  for (const kept of before?.corpus.slice(bases.size) ?? []) {
    await run(kept);
    corpus.push(kept);
  }
  await coverage.isNew(true);
  taken = before?.taken ?? 0;
  let cases = 0;
  while (cases < count && faults.length < MOST_FAULTS && !isOver()) {
    const mutants = Array.from({ length: Math.min(BATCH, count - cases) }, () => {
      const parent = parentIn(corpus, random);
      return mutate(bases.get(parent.base)!, parent, random.pick(corpus), random);
    });
    onBatch({ done: cases, faults, mutants });
    // Signals get their turn, whatever the target awaits.
    await setImmediate();
    const isCounted = cases < counted;
    if (!isCounted) coverage[Symbol.dispose]();
    const good: Mutant[] = [];
    for (const mutant of mutants) if (await run(mutant)) good.push(mutant);
    cases += mutants.length;
    if (!isCounted || !await coverage.isNew(false)) continue;
    for (const mutant of good) {
      await runMutant(target, bases, mutant).catch(() => {});
      if (await coverage.isNew(true)) corpus.push(mutant);
    }
  }
  return {
    cases: cases + (before?.cases ?? 0),
    counted: Math.min(cases, Math.ceil(counted / BATCH) * BATCH) + (before?.counted ?? 0),
    taken,
    corpus,
    sound,
    reached: coverage.characters,
    faults,
    kinds: [...kinds],
  };
}

/** What was kept last has been tried least. */
function parentIn(corpus: readonly Mutant[], random: Random): Mutant {
  if (random.chance(50)) return random.pick(corpus);
  return corpus[corpus.length - 1 - random.below(Math.min(corpus.length, 16))]!;
}

/** Runs one. */
export async function runMutant(
  target: Target,
  bases: ReadonlyMap<string, Base>,
  mutant: Mutant,
): Promise<boolean> {
  const base = bases.get(mutant.base);
  if (base === undefined) throw new Error(`no file is called ${mutant.base}`);
  return await target.run(fileOf(base, mutant), new Random(mutant.seed));
}

/** Leaves out what does not matter, as long as something goes wrong in the same way. */
async function smallest(
  target: Target,
  bases: ReadonlyMap<string, Base>,
  mutant: Mutant,
  error: unknown,
): Promise<Fault> {
  const kind = kindOf(error);
  const failsAlike = async (candidate: Mutant) => {
    try {
      await runMutant(target, bases, candidate);
      return false;
    } catch (other) {
      return kindOf(other) === kind;
    }
  };
  let least = mutant;
  for (let i = 0; i < least.patches.length;) {
    const candidate = { ...least, patches: least.patches.toSpliced(i, 1) };
    if (await failsAlike(candidate)) least = candidate;
    else i++;
  }
  const { size: _size, ...whole } = least;
  if (least.size !== undefined && await failsAlike(whole)) least = whole;
  return { target: target.name, mutant: least, error: describe(error) };
}

/** Where it was thrown, and as what. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\/src\/[^)\s]+/.exec(error.stack ?? "")?.[0] ?? "";
  return `${error.name} ${place}`;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = /\/(src\/[^)\s]+)/.exec(error.stack ?? "")?.[1];
  return `${error.name}: ${error.message.slice(0, 300)}${place === undefined ? "" : ` (${place})`}`;
}
