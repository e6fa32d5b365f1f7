/** The runs of the benchmarks in docs/benchmarks, and their pictures. */
import { assert, assertEquals } from "@std/assert";
import { speedSvg } from "../../docs/build/benchmark_svg.ts";
import {
  benchmarkDates,
  type BenchmarkGroup,
  type BenchmarkRun,
  newestRun,
  speedText,
} from "../../docs/build/benchmarks.ts";
import { ROOT } from "../support.ts";
import { page, pages } from "./pages.ts";

/** A file of the package is not to be larger than it is worth; a whole run has some 90 groups. */
const MOST_BYTES = 120_000;

Deno.test("docs/benchmarks has a picture of each run, and nothing else", () => {
  const dates = benchmarkDates();
  assert(dates.length > 0);
  const expected = dates.flatMap((date) => [`${date}.json`, `${date}.svg`]).sort();
  const files = [...Deno.readDirSync(`${ROOT}/docs/benchmarks`)].map(({ name }) => name).sort();
  assertEquals(files, expected);
  for (const name of files) {
    assert(Deno.statSync(`${ROOT}/docs/benchmarks/${name}`).size < MOST_BYTES, name);
  }
});

/** What is drawn, without what the formatter changes: spaces, and the style. */
function drawnIn(svg: string): string {
  return svg.slice(svg.indexOf("</style>")).replaceAll(/\s+/g, "");
}

Deno.test("the picture of the newest run is of what it measured (`deno task readme` draws it)", () => {
  const run = newestRun();
  const path = `${ROOT}/docs/benchmarks/${run.date}.svg`;
  assertEquals(drawnIn(Deno.readTextFileSync(path)), drawnIn(speedSvg(run)));
});

Deno.test("the newest run is whole: no time is missing, and every goal is of rows that there are", () => {
  const { sections } = newestRun();
  assert(sections.every(({ load }) => load.every((each) => each >= 0)));
  const groups = sections.flatMap((section) => section.groups);
  assert(groups.length >= 10, `${groups.length}`);
  assertEquals(new Set(groups.map(({ title }) => title)).size, groups.length);
  for (const { title, rows, goals = [] } of groups) {
    assertEquals(rows[0]!.ratio, [1, 1, 1], title);
    for (const { name, median, best, ratio: [ratio, least, most] } of rows) {
      assert(best > 0 && best <= median && least <= ratio && ratio <= most, `${title}: ${name}`);
    }
    const names = rows.map(({ name }) => name);
    for (const { of, to } of goals) assert(names.includes(of) && names.includes(to), title);
  }
});

Deno.test("the pages compare speed only in what is written by the newest run", () => {
  const claim =
    /\b\d[\d.,]*\s*(?:×|x|times)\s+(?:as fast|faster|slower)|\b(?:faster|slower) than\b/i;
  for (const path of ["README.md", ...pages()]) {
    const text = page(path).replaceAll(/<!-- [a-z ]+: `deno task readme`[^]*?<!-- -->/g, "");
    assertEquals(claim.exec(text)?.[0], undefined, path);
  }
});

const GROUP: BenchmarkGroup = {
  title: "Reads of a <disk>",
  operation: "read",
  rows: [
    { name: "flat file: readSync", median: 10, best: 9, ratio: [1, 1, 1] },
    { name: "virtdisk: readSync", median: 20, best: 18, ratio: [2, 1.5, 2.5] },
    { name: "qemu-img bench", median: 50, best: 50, ratio: [5, 5, 5] },
  ],
  goals: [{ of: "virtdisk: readSync", to: "flat file: readSync", atMost: 1.5, reached: 2 }],
};

function runOf(group: BenchmarkGroup): BenchmarkRun {
  return {
    date: "2026-01-02",
    machine: "linux, 2 x a processor",
    versions: { Deno: "2.0.0" },
    sections: [{ title: "Reading", load: [0.5, 1], groups: [group] }],
  };
}

Deno.test("speedSvg() draws each program at its multiple, and the goal at its limit", () => {
  const svg = speedSvg(runOf(GROUP));
  const [flat] = /(?<=href="#plain" x=")[\d.]+/.exec(svg.slice(svg.indexOf("10.0 µs")))!;
  const [ours] = /(?<=href="#ours" x=")[\d.]+/.exec(svg.slice(svg.indexOf("20.0 µs")))!;
  const [limit] = /(?<=class="limit" d="M)[\d.]+/.exec(svg)!;
  // The axis goes from 1 to 5: 2 is log 2 / log 5 of the way.
  assertEquals([flat, ours, limit], ["476", "645.7", "575.3"]);
  assert(svg.includes("✗ missed") && !svg.includes("✓ met"));
  assert(svg.includes("Reads of a &lt;disk&gt;") && !svg.includes("<disk>"));
  const met = { ...GROUP, goals: [{ ...GROUP.goals![0]!, atMost: 2.5 }] };
  assert(speedSvg(runOf(met)).includes("✓ met"));
});

Deno.test("speedSvg() draws the limits of goals that are differences, or of other programs", () => {
  const [of, to] = ["virtdisk: readSync", "flat file: readSync"];
  const limits = (goal: NonNullable<BenchmarkGroup["goals"]>[number]) =>
    /(?<=class="limit" d="M)[\d.]+/.exec(speedSvg(runOf({ ...GROUP, goals: [goal] })))![0];
  // 10 µs and 15 more are 2.5 times 10; a time of 5 that is to be twice ours leaves 2.5 for ours.
  const over = limits({ of, to, atMostOver: 15, reached: 10 });
  const behind = limits({ of: "qemu-img bench", to: of, atLeast: 2, reached: 2.5 });
  assertEquals([over, behind], ["700.3", "700.3"]);
});

Deno.test("speedText() has every goal, every row, and the earlier runs", () => {
  const text = speedText(runOf(GROUP), ["2025-12-31"]);
  for (
    const line of [
      "| Reading | 0 | 1 |",
      "### Missed\n\n| work | goal | measured |\n| --- | --- | --- |\n" +
      "| Reads of a <disk> | virtdisk: readSync: at most 1.5 × flat file: readSync | 2.00 |",
      "| Reads of a <disk> | flat file: readSync | 10.0 µs / read | 9.00 µs | 1.00 | 1.00 .. 1.00 |",
      "|  | qemu-img bench | 50.0 µs | 50.0 µs | 5.00 | 5.00 .. 5.00 |",
      "The load of the machine was 0.5 when this began, and 1 when it ended.",
      "| data | [2026-01-02](benchmarks/2026-01-02.json), earlier: [2025-12-31](benchmarks/2025-12-31.json) |",
    ]
  ) {
    assert(text.includes(line), `${line}\n${text}`);
  }
  assert(!text.includes("### Met"), text);
  const met = { ...GROUP, goals: [{ ...GROUP.goals![0]!, atMost: 2 }] };
  const better = speedText(runOf(met), []);
  assert(better.includes("| Reading | 1 | 0 |") && better.includes("### Met"), better);
  assert(!better.includes("### Missed"), better);
});
