/** Takes turns between contenders that do the same work, and prints how they compare. */

const ROUNDS = 5;

/** One way to do a group's work. */
export interface Contender {
  readonly name: string;
  /** Does the work once; gives the milliseconds that it took. */
  run(): number;
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
  /** Of short operations more tell more. Default: 5. */
  readonly rounds?: number;
  /** Whether the least time of each is shown, in microseconds, and by how much it is above that of the baseline. */
  readonly showsLeast?: boolean;
}

/** Milliseconds that `work` takes. */
export function milliseconds(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/**
 * Measures a group and prints its table. Within a round every contender runs once, so that a busy
 * machine slows all of them; ratios are taken round by round, and their median is shown. The first
 * round, in which caches fill and code is compiled, does not count.
 */
export function compare(group: Group): void {
  const { title, operations, operation, contenders, absent = [], rounds = ROUNDS } = group;
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round <= rounds; round++) {
    contenders.forEach((contender, i) => {
      const time = contender.run();
      if (round > 0) times[i]!.push(time);
    });
  }
  const single = times.map((each) => each.map((time) => time / operations));
  printComparison(title, operation, contenders, single, group.showsLeast);
  for (const reason of absent) console.log(`  without ${reason}`);
}

/** One way to do work that takes seconds. */
export interface LongContender {
  readonly name: string;
  /** What has to be there before each run, and is not measured. */
  prepare?(): void | Promise<void>;
  run(): void | Promise<void>;
}

/** Contenders that do the same work. */
export interface LongGroup {
  readonly title: string;
  /** What is done once in a run. */
  readonly operation: string;
  /** The first is the baseline. */
  readonly contenders: readonly LongContender[];
}

/** As {@linkcode compare}, for work that is done once in a round and may wait. */
export async function compareLong({ title, operation, contenders }: LongGroup): Promise<void> {
  const times: number[][] = contenders.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, contender] of contenders.entries()) {
      await contender.prepare?.();
      const start = performance.now();
      await contender.run();
      if (round > 0) times[i]!.push(performance.now() - start);
    }
  }
  printComparison(title, operation, contenders, times);
}

function printComparison(
  title: string,
  operation: string,
  contenders: readonly { readonly name: string }[],
  times: readonly (readonly number[])[],
  showsLeast = false,
): void {
  const baseline = times[0]!;
  const leastOfBaseline = Math.min(...baseline);
  const rows = contenders.map(({ name }, i) => {
    const each = times[i]!;
    const ratios = each.map((time, round) => time / baseline[round]!);
    const least = Math.min(...each);
    return [
      name,
      formatTime(median(each)),
      median(ratios).toFixed(2),
      `${Math.min(...ratios).toFixed(2)} .. ${Math.max(...ratios).toFixed(2)}`,
      (least / leastOfBaseline).toFixed(2),
      ...(showsLeast ? [microseconds(least), microseconds(least - leastOfBaseline)] : []),
    ];
  });
  console.log(`\n${title}`);
  const more = showsLeast ? ["least", "over the first"] : [];
  printTable([
    ["", `time / ${operation}`, "ratio", "least .. most", "of the best", ...more],
    ...rows,
  ]);
}

function microseconds(milliseconds: number): string {
  return `${(milliseconds * 1000).toFixed(1)} us`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function formatTime(time: number): string {
  return time >= 1 ? `${time.toFixed(2)} ms` : `${(time * 1000).toFixed(2)} us`;
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
