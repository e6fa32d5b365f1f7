/**
 * What a run of `deno task bench` has measured: how `docs/benchmarks` keeps it, and what the pages say of it.
 *
 * @module
 */
import { table } from "./commands.ts";

const FOLDER = new URL("../benchmarks/", import.meta.url);

/** What was measured on a day, as its file has it. */
export interface BenchmarkRun {
  /** The day, in UTC: `2026-11-30`. */
  readonly date: string;
  /** The system and its processors. */
  readonly machine: string;
  /** By program. */
  readonly versions: Readonly<Record<string, string>>;
  readonly sections: readonly BenchmarkSection[];
}

/** Groups that were measured one after the other, by one process. */
export interface BenchmarkSection {
  readonly title: string;
  /** How many processes wanted a processor in the minute before it began, and before it ended. */
  readonly load: readonly [before: number, after: number];
  readonly groups: readonly BenchmarkGroup[];
}

/** Different ways to do the same work. */
export interface BenchmarkGroup {
  readonly title: string;
  /** What the times are of. */
  readonly operation: string;
  /** The first is what the ratios are to. */
  readonly rows: readonly BenchmarkRow[];
  readonly goals?: readonly ReachedGoal[];
}

/** One way to do the work. Times are in microseconds. */
export interface BenchmarkRow {
  readonly name: string;
  readonly median: number;
  readonly best: number;
  /** Of a round's time to the first row's in the same round: the median, the least and the most. */
  readonly ratio: readonly [median: number, least: number, most: number];
  /** Bytes of the file that came of it, if that is of interest. */
  readonly fileSize?: number;
}

/** What a row is to reach, beside another. One of the limits is given. */
export interface Goal {
  /** The name of the row. */
  readonly of: string;
  /** The name of the other. */
  readonly to: string;
  /** The most that its time may be, as a multiple of the other's. */
  readonly atMost?: number;
  /** The least that its time should be, as a multiple of the other's. */
  readonly atLeast?: number;
  /** The most that it may take longer than the other, in microseconds. */
  readonly atMostOver?: number;
}

/** A goal, and what became of it. */
export interface ReachedGoal extends Goal {
  /** The ratio, or the microseconds: the median of all rounds. */
  readonly reached: number;
}

/** Whether what was measured is within the limit. */
export function isMet({ atMost, atLeast, atMostOver, reached }: ReachedGoal): boolean {
  return reached <= (atMost ?? atMostOver ?? Infinity) && reached >= (atLeast ?? -Infinity);
}

/** The days of all runs, the newest first. */
export function benchmarkDates(): string[] {
  return [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length))
    .sort().reverse();
}

/** The run of a day. */
export function benchmarkRun(date: string): BenchmarkRun {
  return JSON.parse(Deno.readTextFileSync(new URL(`${date}.json`, FOLDER)));
}

/** The newest run. */
export function newestRun(): BenchmarkRun {
  const [newest] = benchmarkDates();
  if (newest === undefined) throw new Error("there is no run in docs/benchmarks");
  return benchmarkRun(newest);
}

/** All that was measured in the newest run. */
export function speedTables(): string {
  return speedText(newestRun(), benchmarkDates().slice(1));
}

/** What a page says of a run, and which others there are. */
export function speedText(run: BenchmarkRun, earlier: readonly string[]): string {
  const { date, machine, versions, sections } = run;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const groups = sections.flatMap((section) => section.groups);
  const files = (day: string) => `[${day}](benchmarks/${day}.json)`;
  return [
    table(["the run", ""], [
      ["date", date],
      ["machine", machine],
      ["programs", programs.join(", ")],
      ["data", `${files(date)}${earlier.map((day) => `, earlier: ${files(day)}`).join("")}`],
    ]),
    `![Every group of the run of ${date} as a line of dots: how long each program took, ` +
    `as a multiple of the first one](benchmarks/${date}.svg)`,
    "## Goals",
    goalCounts(sections),
    goalTable("Missed", groups, (goal) => !isMet(goal)),
    goalTable("Met", groups, isMet),
    ...sections.flatMap(({ title, load: [before, after], groups }) => [
      `## ${title}`,
      `The load of the machine was ${before} when this began, and ${after} when it ended.`,
      table(
        ["work", "done by", "time", "best", "ratio", "least .. most"],
        groups.flatMap(groupRows),
      ),
    ]),
  ].filter((part) => part !== "").join("\n\n");
}

/** How many goals each section has, and how many it reaches. */
function goalCounts(sections: readonly BenchmarkSection[]): string {
  const rows = sections.flatMap(({ title, groups }) => {
    const goals = groups.flatMap(({ goals = [] }) => goals);
    const met = goals.filter(isMet).length;
    return goals.length === 0 ? [] : [[title, `${met}`, `${goals.length - met}`]];
  });
  return table(["section", "met", "missed"], rows);
}

/** The goals of which something holds, and what was measured; nothing if there are none. */
function goalTable(
  heading: string,
  groups: readonly BenchmarkGroup[],
  isMeant: (goal: ReachedGoal) => boolean,
): string {
  const rows = groups.flatMap(({ title, goals = [] }) =>
    goals.filter(isMeant).map((goal) => [title, goalText(goal), reachedText(goal)])
  );
  if (rows.length === 0) return "";
  return `### ${heading}\n\n${table(["work", "goal", "measured"], rows)}`;
}

function groupRows({ title, operation, rows }: BenchmarkGroup): string[][] {
  return rows.map(({ name, median, best, ratio: [ratio, least, most] }, index) => [
    index === 0 ? title : "",
    name,
    index === 0 ? `${timeText(median)} / ${operation}` : timeText(median),
    timeText(best),
    ratioText(ratio),
    `${ratioText(least)} .. ${ratioText(most)}`,
  ]);
}

/** A goal in words. */
export function goalText({ of, to, atMost, atLeast, atMostOver }: Goal): string {
  if (atMostOver !== undefined) return `${of}: at most ${timeText(atMostOver)} longer than ${to}`;
  const limit = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
  return `${of}: ${limit} × ${to}`;
}

function reachedText({ reached, atMostOver }: ReachedGoal): string {
  return atMostOver === undefined ? ratioText(reached) : timeText(reached);
}

/** A time, given in microseconds, with three digits. */
export function timeText(time: number): string {
  const [value, unit] = Math.abs(time) >= 1e6
    ? [time / 1e6, "s"]
    : Math.abs(time) >= 1e3
    ? [time / 1e3, "ms"]
    : [time, "µs"];
  return `${digits(value)} ${unit}`;
}

function ratioText(ratio: number): string {
  return digits(ratio);
}

function digits(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** How README says what is given back of free space: by the newest run. */
export function freeSpaceTable(): string {
  const group = newestRun().sections.flatMap(({ groups }) => groups)
    .find(({ rows }) => rows.some(({ fileSize }) => fileSize !== undefined));
  if (group === undefined) throw new Error("the newest run has not measured free space");
  return table(
    ["", "the file", `time, to the first row`],
    group.rows.map(({ name, fileSize, ratio: [ratio] }) => [
      name,
      `${Math.round(fileSize! / 1e6)} MB`,
      ratioText(ratio),
    ]),
  );
}
