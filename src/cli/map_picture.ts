/**
 * A map as a picture of characters: each kind of bytes has a character of its own, so that it can be read without
 * colours and in any encoding.
 *
 * @module
 */
import { roundBytes } from "../text/digits.ts";
import type { Cell, DiskMap, Kind, MapTotals, Section } from "./disk_map.ts";
import {
  cellText,
  cut,
  type LegendRow,
  legendRows,
  sectionTitle,
  storedText,
} from "./map_legend.ts";
import { type CellColors, coloured, filled, hasColors, style, terminalWidth } from "./terminal.ts";

/** Rows that a disk is drawn in, beside those that its partitions begin. */
export const ROWS = 16;
/** In front of a row: where it begins. */
const LABEL = 10;
/** Narrower terminals have no place for it. */
const LABELLED = 60;

/** The characters of a kind: for a cell that is in files, or lost, by half at least, and for one that is less. */
type Marks = readonly [full: string, part: string];

/** Deeper parents share the last digit. */
const MARKS: readonly Marks[] = [
  ["#", "+"],
  ...Array.from("123456789", (digit, i): Marks => [digit, "abcdefghi"[i]!]),
];
const OTHER_MARKS: Readonly<Record<Exclude<Kind, number>, Marks>> = {
  free: ["~", "~"],
  lost: ["X", "x"],
  zero: ["0", "0"],
  trimmed: ["-", "-"],
  unallocated: [".", "."],
  absent: ["?", "?"],
};

/** By depth, again from the second on: colours that people who confuse red and green can tell apart. */
const COLORS: readonly (readonly [full: CellColors, part: CellColors])[] = [
  [{ text: 75, ground: 25 }, { text: 25, ground: 110 }],
  [{ text: 231, ground: 166 }, { text: 94, ground: 216 }],
  [{ text: 231, ground: 29 }, { text: 22, ground: 115 }],
  [{ text: 231, ground: 133 }, { text: 53, ground: 182 }],
  [{ text: 231, ground: 94 }, { text: 52, ground: 180 }],
];
const LOST_COLORS: readonly [full: CellColors, part: CellColors] = [
  { text: 231, ground: 88 },
  { text: 88, ground: 217 },
];
const OTHER_COLORS: Readonly<Record<Exclude<Kind, number | "lost">, CellColors | undefined>> = {
  free: { text: 94, ground: 221 },
  zero: { text: 240, ground: 250 },
  trimmed: { text: 250, ground: 240 },
  unallocated: undefined,
  absent: { text: 231, ground: 124 },
};

/** How many cells a row has on this terminal. */
export function columnsOf(width = terminalWidth()): number {
  return Math.max(1, width - (width < LABELLED ? 0 : LABEL));
}

/** The picture, its legend and the totals. */
export function picture(map: DiskMap, heading: string, notes: readonly string[]): string {
  const { totals } = map;
  const blocks = map.sections.map((section) => sectionText(map, section));
  return [
    style("bold", fitted(heading)),
    fitted(cellText(
      map,
      "+ or a letter: less than half of it is in files",
      "; x: less than half of it is lost",
    )),
    "",
    ...blocks.flat(),
    "",
    ...legendText(totals, notes),
  ].join("\n");
}

/** The legend and the totals alone. */
export function legendText(totals: MapTotals, notes: readonly string[] = []): string[] {
  const rows = legendRows(totals);
  return [
    ...rows.flatMap(legendLines),
    "",
    ...[storedText(totals) + ".", ...notes].map(fitted),
  ];
}

function sectionText(map: DiskMap, section: Section): string[] {
  const title = sectionTitle(map, section);
  const cells = map.cells(section);
  const lines = title === undefined ? [] : [style("bold", fitted(title))];
  const hasLabels = map.columns < terminalWidth();
  for (let start = 0; start < cells.length; start += map.columns) {
    const offset = section.offset + start * map.cellSize;
    const label = hasLabels ? `${roundBytes(offset).padStart(LABEL - 1)} ` : "";
    lines.push(style("dim", label) + drawn(cells.slice(start, start + map.columns)));
  }
  return lines;
}

/** Cells that are alike are coloured at once. */
function drawn(cells: readonly Cell[]): string {
  let line = "";
  for (let start = 0; start < cells.length;) {
    const { kind, isPart } = cells[start]!;
    let end = start + 1;
    while (cells[end]?.kind === kind && cells[end]?.isPart === isPart) end++;
    line += painted(kind, isPart, markOf(kind, isPart).repeat(end - start));
    start = end;
  }
  return line;
}

function markOf(kind: Kind, isPart: boolean): string {
  const marks = typeof kind === "number"
    ? MARKS[Math.min(kind, MARKS.length - 1)]!
    : OTHER_MARKS[kind];
  return marks[isPart ? 1 : 0];
}

function painted(kind: Kind, isPart: boolean, text: string): string {
  if (!hasColors()) return text;
  const colors = colorsOf(kind, isPart);
  return colors === undefined ? style("dim", text) : coloured(colors, text);
}

function colorsOf(kind: Kind, isPart: boolean): CellColors | undefined {
  if (kind === "lost") return LOST_COLORS[isPart ? 1 : 0];
  if (typeof kind !== "number") return OTHER_COLORS[kind];
  return COLORS[kind === 0 ? 0 : 1 + (kind - 1) % (COLORS.length - 1)]![isPart ? 1 : 0];
}

/** `  #+  this file, child.vhdx      12 MiB   1.2 %  3 blocks in 2 pieces, 50 % fragmented` */
function legendLines({ kind, name, bytes, share, note }: LegendRow): string[] {
  const [full, part] = [markOf(kind, false), markOf(kind, true)];
  const marks = painted(kind, false, full) +
    (part === full ? " " : painted(kind, true, part));
  const amount = `${roundBytes(bytes).padStart(10)} ${share.padStart(8)}`;
  const width = terminalWidth();
  if (width < LABELLED) {
    const lines = [name, `${amount.trim()}`, ...(note === undefined ? [] : [note])];
    return lines.map((line, i) => `${i === 0 ? marks : "  "} ${cut(line, width - 3)}`);
  }
  const rest = note === undefined ? "" : `  ${note}`;
  const room = width - 4 - 20 - 2;
  const nameWidth = Math.min(40, room);
  const line = `  ${marks}  ${cut(name, nameWidth).padEnd(nameWidth)}${amount}`;
  if (nameWidth + 26 + rest.length <= width) return [line + rest];
  return [line, ...(note === undefined ? [] : [`      ${cut(note, width - 6)}`])];
}

/** Text in as many lines as it takes. */
function fitted(text: string): string {
  return filled(text, terminalWidth());
}
