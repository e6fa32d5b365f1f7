/**
 * A run of the benchmarks as an SVG image: a line for each group, on it a dot for each program, at its time as a
 * multiple of the first one's. Readable on light and dark pages, without colours, and by programs that read aloud.
 *
 * @module
 */
import { escaped } from "../../src/cli/svg.ts";
import {
  type BenchmarkGroup,
  type BenchmarkRow,
  type BenchmarkRun,
  goalText,
  isMet,
  newestRun,
  type ReachedGoal,
  timeText,
} from "./benchmarks.ts";

// Lengths are in pixels.
const WIDTH = 960;
const MARGIN = 20;
const LINE = 22;
/** Where the axis begins and ends; in front of it is what was done, behind it whether the goals are met. */
const LEFT = 476;
const RIGHT = 870;
/** Half of a dot. */
const DOT = 4.5;
/** Characters that surely fit in front of the axis. */
const TITLE = 74;

/** Marks of the axis. Times beyond the last ones are drawn at its ends. */
const MARKS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];

/** Who did it, by how the names of their rows begin; the last is anybody else. */
const PROGRAMS: readonly { readonly kind: string; readonly name: string; readonly of: RegExp }[] = [
  { kind: "ours", name: "virtdisk", of: /^(?:virtdisk|import )/ },
  { kind: "plain", name: "Deno alone", of: /^(?:flat file|Deno|plain|an empty script)/ },
  { kind: "qemu", name: "QEMU", of: /^qemu/ },
  { kind: "vhdi", name: "libvhdi", of: /^libvhdi/ },
  { kind: "koffi", name: "koffi", of: /^koffi/ },
  { kind: "other", name: "others", of: /^/ },
];

const STYLE = `
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.head { font-size: 16px; font-weight: 600 } .title { font-weight: 600 } .dim { fill: #59636e; font-size: 12px }
.middle { text-anchor: middle } .end { text-anchor: end }
.page { fill: #fff } .grid { stroke: #d1d9e0 } .one { stroke: #59636e } .span { stroke: #1f63b5; stroke-width: 2; opacity: .45 }
.limit { stroke: #1f2328; stroke-width: 2 } .met { fill: #18794e } .missed { fill: #cf222e; font-weight: 600 }
.ours { fill: #1f63b5 } .plain { fill: #59636e } .qemu { fill: #bc4c00 } .vhdi { fill: #18794e }
.koffi { fill: #9a3b9e } .other { fill: #7d5a12 } .dot { stroke: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .dim { fill: #9198a1 } .page { fill: #0d1117 } .grid { stroke: #30363d } .one { stroke: #9198a1 }
  .span { stroke: #4493f8 } .limit { stroke: #e6edf3 } .met { fill: #3fb950 } .missed { fill: #ff7b72 }
  .ours { fill: #4493f8 } .plain { fill: #9198a1 } .qemu { fill: #f0883e } .vhdi { fill: #3fb950 }
  .koffi { fill: #c77dd0 } .other { fill: #c8a042 } .dot { stroke: #0d1117 }
}`.trim();

/** Draws the newest run anew, into docs/benchmarks. */
export function drawNewestRun(): void {
  const run = newestRun();
  Deno.writeTextFileSync(new URL(`../benchmarks/${run.date}.svg`, import.meta.url), speedSvg(run));
}

/** Draws a run. */
export function speedSvg({ date, machine, versions, sections }: BenchmarkRun): string {
  const groups = sections.flatMap((section) => section.groups);
  const shares = groups.flatMap(({ rows }) => rows.map(({ ratio: [ratio] }) => ratio));
  const axis = new Axis(Math.min(...shares), Math.max(...shares));
  const drawing = new Drawing();
  drawing.line(`Speed: ${date}`, "head");
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  drawing.line(`${machine}; ${programs.join(", ")}`, "dim");
  drawing.line(
    "Times as multiples of the first program's, so that less is better. The bar behind the dot of virtdisk goes from " +
      "the least to the most",
    "dim",
  );
  drawing.line(
    "of all rounds; an upright stroke is the goal: the dot of virtdisk is to be to the left of it. What is beyond the axis is at its end.",
    "dim",
  );
  drawLegend(drawing, groups);
  for (const { title, groups } of sections) {
    drawing.y += LINE / 2;
    drawing.line(title, "title");
    drawMarks(drawing, axis, groups.length);
    for (const group of groups) drawGroup(drawing, axis, group);
  }
  const goals = groups.flatMap((group) => group.goals ?? []);
  const heading = `Speed of virtdisk beside other programs, ${date}`;
  const description =
    `${groups.length} groups; ${goals.filter(isMet).length} of ${goals.length} goals are met. ` +
    groups.map(({ title, rows }) => `${title}: ${rows.map(spoken).join(", ")}`).join("; ");
  const height = drawing.y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" ` +
    `role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(heading)}</title>`,
    `<desc id="desc">${escaped(description)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="100%" height="100%"/>`,
    "<defs>",
    ...Object.entries(SHAPES).map(([kind, shape]) => shape.replace(" ", ` id="${kind}" `)),
    "</defs>",
    ...drawing.elements,
    "</svg>",
    "",
  ].join("\n");
}

function spoken({ name, ratio: [ratio] }: BenchmarkRow): string {
  return `${name} ${ratio.toFixed(2)}`;
}

/** Where a multiple is: the axis is logarithmic, and has no more marks than it needs. */
class Axis {
  readonly marks: readonly number[];

  constructor(least: number, most: number) {
    const first = MARKS.findLastIndex((mark) => mark <= least);
    const last = MARKS.findIndex((mark) => mark >= most);
    this.marks = MARKS.slice(Math.max(0, first), last < 0 ? MARKS.length : last + 1);
  }

  at(multiple: number): number {
    const [first, last] = [Math.log(this.marks[0]!), Math.log(this.marks.at(-1)!)];
    const share = (Math.log(multiple) - first) / Math.max(last - first, 1e-9);
    return round(LEFT + Math.min(1, Math.max(0, share)) * (RIGHT - LEFT));
  }
}

/** What has been drawn, and how far down. */
class Drawing {
  readonly elements: string[] = [];
  y = MARGIN;

  line(text: string, kind: string): void {
    this.put(text, kind, MARGIN, this.y + 15);
    this.y += LINE;
  }

  put(text: string, kind: string, x: number, y: number): void {
    const name = kind === "" ? "" : ` class="${kind}"`;
    this.elements.push(`<text${name} x="${x}" y="${y}">${escaped(text)}</text>`);
  }
}

function drawLegend(drawing: Drawing, groups: readonly BenchmarkGroup[]): void {
  const kinds = new Set(groups.flatMap(({ rows }) => rows.map(({ name }) => programOf(name).kind)));
  let x = MARGIN + DOT;
  for (const { kind, name } of PROGRAMS) {
    if (!kinds.has(kind)) continue;
    drawing.elements.push(dot(kind, x, drawing.y + 11));
    drawing.put(name, "", x + 12, drawing.y + 15);
    x += 40 + name.length * 8;
  }
  drawing.y += LINE;
}

/** The numbers of the axis beside the title of a section, and lines down through its groups. */
function drawMarks(drawing: Drawing, axis: Axis, groups: number): void {
  for (const mark of axis.marks) {
    const x = axis.at(mark);
    drawing.put(`${mark}`, "dim middle", x, drawing.y - 5);
    drawing.elements.push(
      `<path class="${mark === 1 ? "one" : "grid"}" d="M${x} ${drawing.y}V${
        drawing.y + groups * LINE
      }"/>`,
    );
  }
}

function drawGroup(
  drawing: Drawing,
  axis: Axis,
  { title, rows, goals = [] }: BenchmarkGroup,
): void {
  const middle = drawing.y + LINE / 2;
  const shown = title.length <= TITLE ? title : `${title.slice(0, TITLE - 1)}…`;
  drawing.put(shown, "dim", MARGIN, middle + 4);
  // Two programs may have the same limit.
  for (const [x, equal] of Map.groupBy(goals, (goal) => axis.at(limitOf(goal, rows)))) {
    drawing.elements.push(
      `<g><title>${escaped(equal.map(goalText).join("; "))}</title>` +
        `<path class="limit" d="M${x} ${middle - 8}V${middle + 8}"/></g>`,
    );
  }
  // Ours comes last, on top of the others.
  const drawn = rows.map((row) => ({ row, kind: programOf(row.name).kind }))
    .sort((a, b) => Number(a.kind === "ours") - Number(b.kind === "ours"));
  for (const { row, kind } of drawn) {
    const [ratio, least, most] = row.ratio;
    const text = `${row.name}: ${timeText(row.median)}, ${ratio.toFixed(2)}`;
    const span = kind === "ours" && row !== rows[0]
      ? `<path class="span" d="M${axis.at(least)} ${middle}H${axis.at(most)}"/>`
      : "";
    drawing.elements.push(
      `<g><title>${escaped(text)}</title>${span}${dot(kind, axis.at(ratio), middle)}</g>`,
    );
  }
  if (goals.length > 0) {
    const isGood = goals.every(isMet);
    drawing.put(isGood ? "✓ met" : "✗ missed", isGood ? "met" : "missed", RIGHT + 12, middle + 4);
  }
  drawing.y += LINE;
}

/** The multiple of the first row's time at which the row of ours would just reach the goal. */
function limitOf(
  { of, to, atMost, atLeast, atMostOver }: ReachedGoal,
  rows: readonly BenchmarkRow[],
): number {
  const row = (name: string) => rows.find((each) => each.name === name)!;
  if (atMost !== undefined) return atMost * row(to).ratio[0];
  if (atLeast !== undefined) return row(of).ratio[0] / atLeast;
  return (row(to).median + atMostOver!) / rows[0]!.median;
}

function programOf(name: string): typeof PROGRAMS[number] {
  return PROGRAMS.find(({ of }) => of.test(name))!;
}

/** A shape for each program, around a point. Dots refer to it: there are hundreds of them. */
const SHAPES: Readonly<Record<string, string>> = {
  ours: `<circle class="ours dot" r="${DOT + .5}"/>`,
  plain: `<path class="plain dot" d="M0-${DOT}L${DOT} 0L0 ${DOT}L-${DOT} 0Z"/>`,
  qemu: `<path class="qemu dot" d="M-${DOT}-${DOT}H${DOT}V${DOT}H-${DOT}Z"/>`,
  vhdi: `<path class="vhdi dot" d="M-${DOT} ${DOT}H${DOT}L0-${DOT}Z"/>`,
  koffi: `<path class="koffi dot" d="M-${DOT}-${DOT}H${DOT}L0 ${DOT}Z"/>`,
  other: `<path class="other dot" d="M-${DOT}-2H${DOT}V2H-${DOT}Z"/>`,
};

function dot(kind: string, x: number, y: number): string {
  return `<use href="#${kind}" x="${x}" y="${y}"/>`;
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}
