/** Takes turns between contenders that do the same work; prints how they compare, and keeps it. */
import {
  type BenchmarkGroup,
  type BenchmarkRow,
  type BenchmarkSection,
  type Goal,
  goalText,
  isMet,
  type ReachedGoal,
  timeText,
} from "../../docs/build/benchmarks.ts";

/** At least so many rounds count, unless it is said otherwise. */
export const ROUNDS = 5;
let leastRounds = ROUNDS;
/** Quick groups have more, as long as there is time: milliseconds. */
const MOST_ROUNDS = 21;
const TIME = 3000;

/** One way to do a group's work. */
export interface Contender {
  /** Who does it, then how: `virtdisk: readSync`. */
  readonly name: string;
  /** Does the work once; gives the milliseconds that it took. */
  run(): number;
  /** Bytes of the file that came of it, if that is to be told. */
  fileSize?(): number;
}

/** Contenders that do the same operations. */
export interface Group {
  readonly title: string;
  /** Operations in a run, and what one of them is. */
  readonly operations: number;
  readonly operation: string;
  /** The first is the baseline. */
  readonly contenders: readonly Contender[];
  /** Why others are missing. */
  readonly absent?: readonly string[];
  /** At least so many rounds count. Of short operations more tell more. Default: 5. */
  readonly rounds?: number;
  /** Whether it is shown by how much the least time of each is above that of the baseline. */
  readonly showsLeast?: boolean;
  /** What is to be reached; one that names a contender who is absent is left out. */
  readonly goals?: readonly Goal[];
}

/** Has fewer rounds, or more, count from now on. */
export function setRounds(count: number): void {
  leastRounds = count;
}

/** Milliseconds that `work` takes. */
export function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/**
 * Measures a group, prints its table, and keeps it. Within a round every contender runs once, so that a busy
 * machine slows all of them; ratios are taken round by round, and their median is shown. The first
 * round, in which caches fill and code is compiled, does not count.
 */
export function compare(group: Group): void {
  const { operations, contenders } = group;
  const times: number[][] = contenders.map(() => []);
  for (const round of rounds(group.rounds)) {
    for (const [i, contender] of inTurn(contenders, round)) {
      const time = contender.run();
      if (round > 0) times[i]!.push(1000 * time / operations);
    }
  }
  keep(group, times);
}

/** One way to do work that takes seconds. */
export interface LongContender {
  /** As of a {@linkcode Contender}. */
  readonly name: string;
  /** What has to be there before each run, and is not measured. */
  prepare?(): void | Promise<void>;
  run(): void | Promise<void>;
  /** Bytes of the file that came of it, if that is to be told. */
  fileSize?(): number;
}

/** Contenders that do the same work, once in a run. */
export interface LongGroup extends Omit<Group, "operations" | "contenders"> {
  /** The first is the baseline. */
  readonly contenders: readonly LongContender[];
}

/** As {@linkcode compare}, for work that is done once in a round and may wait. */
export async function compareLong(group: LongGroup): Promise<void> {
  const { contenders } = group;
  const times: number[][] = contenders.map(() => []);
  for (const round of rounds(group.rounds)) {
    for (const [i, contender] of inTurn(contenders, round)) {
      await contender.prepare?.();
      const start = performance.now();
      await contender.run();
      if (round > 0) times[i]!.push(1000 * (performance.now() - start));
    }
  }
  keep(group, times);
}

/**
 * All of them with their numbers; each round begins with the next one. What one leaves to be done (freed room of a
 * volume, pages to be written) is then not always done during the same other one's time.
 */
function inTurn<T>(contenders: readonly T[], round: number): [number, T][] {
  const all = [...contenders.entries()];
  const first = round % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}

/** The first, which does not count, is 0. */
function* rounds(least = leastRounds): Generator<number> {
  const start = performance.now();
  for (let round = 0; round <= Math.max(MOST_ROUNDS, least); round++) {
    if (round > least && performance.now() - start > TIME) return;
    yield round;
  }
}

let groups: BenchmarkGroup[] = [];

/** What has been measured since the section, or the program, began. */
export function measured(): readonly BenchmarkGroup[] {
  return groups;
}

/** Adds what another program has measured, which has printed it. */
export function addMeasured(others: readonly BenchmarkGroup[]): void {
  groups.push(...others);
}

/** Measures a section; `undefined` if it has nothing that can be measured on this machine. */
export async function section(
  title: string,
  run: () => void | Promise<void>,
): Promise<BenchmarkSection | undefined> {
  groups = [];
  const before = load();
  await run();
  return groups.length === 0 ? undefined : { title, load: [before, load()], groups };
}

function load(): number {
  return Number(Deno.loadavg()[0]!.toFixed(1));
}

/** What is known of a group when it has been measured. */
type Compared = Pick<Group, "title" | "operation" | "goals" | "absent" | "showsLeast"> & {
  readonly contenders: readonly Pick<Contender, "name" | "fileSize">[];
};

/** @param times In microseconds: of each contender, in each round. */
function keep(group: Compared, times: readonly (readonly number[])[]): void {
  const result = evaluated(group, times);
  print(result, group.showsLeast);
  for (const reason of group.absent ?? []) console.log(`  without ${reason}`);
  groups.push(result);
}

/** What comes of the times of each contender in each round, which are in microseconds. */
export function evaluated(
  { title, operation, contenders, goals = [] }: Compared,
  times: readonly (readonly number[])[],
): BenchmarkGroup {
  const named = (name: string) => contenders.findIndex((each) => each.name === name);
  const rows = contenders.map(({ name, fileSize }, i): BenchmarkRow => {
    const each = times[i]!;
    const ratios = each.map((time, round) => time / times[0]![round]!);
    return {
      name,
      median: rounded(median(each)),
      best: rounded(Math.min(...each)),
      ratio: [median(ratios), Math.min(...ratios), Math.max(...ratios)]
        .map(rounded) as [number, number, number],
      ...(fileSize === undefined ? {} : { fileSize: fileSize() }),
    };
  });
  const reached = goals.flatMap((goal): ReachedGoal[] => {
    const [of, to] = [times[named(goal.of)], times[named(goal.to)]];
    if (of === undefined || to === undefined) return [];
    const each = of.map((time, round) =>
      goal.atMostOver === undefined ? time / to[round]! : time - to[round]!
    );
    return [{ ...goal, reached: rounded(median(each)) }];
  });
  return { title, operation, rows, ...(reached.length === 0 ? {} : { goals: reached }) };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** To four digits: no more of a time can be had again. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function print({ title, operation, rows, goals = [] }: BenchmarkGroup, showsLeast = false): void {
  console.log(`\n${title}`);
  printTable([
    [
      "",
      `time / ${operation}`,
      "best",
      "ratio",
      "least .. most",
      "of the best",
      ...(showsLeast ? ["best over the first's"] : []),
    ],
    ...rows.map(({ name, median, best, ratio: [ratio, least, most] }) => [
      name,
      timeText(median),
      timeText(best),
      ratio.toFixed(2),
      `${least.toFixed(2)} .. ${most.toFixed(2)}`,
      (best / rows[0]!.best).toFixed(2),
      ...(showsLeast ? [timeText(best - rows[0]!.best)] : []),
    ]),
  ]);
  for (const goal of goals) {
    const reached = goal.atMostOver === undefined
      ? goal.reached.toFixed(2)
      : timeText(goal.reached);
    console.log(`  goal: ${goalText(goal)}: ${isMet(goal) ? "met" : "missed"}, ${reached}`);
  }
}

/** The first column to the left, the others to the right. */
function printTable(rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const row of rows) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
    );
    console.log(`  ${cells.join("  ")}`);
  }
}
