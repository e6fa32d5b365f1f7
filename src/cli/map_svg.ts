/**
 * A map as an SVG image: one file without scripts, which is readable on light and dark pages, by people who do not
 * see colours, and by programs that read aloud.
 *
 * @module
 */
import { roundBytes } from "../text/digits.ts";
import type { Cell, DiskMap, Kind, Section } from "./disk_map.ts";
import {
  cellText,
  cut,
  type LegendRow,
  legendRows,
  sectionTitle,
  storedText,
} from "./map_legend.ts";
import { escaped } from "./svg.ts";
import { filled } from "./terminal.ts";

// Lengths are in pixels.
const WIDTH = 960;
const MARGIN = 20;
/** In front of a row: where it begins. */
const LABEL = 76;
const LINE = 20;
/** The place of a cell; one pixel of it is the line to the next. */
const CELL = 9.5;
const ROW = 14;
/** Between sections. */
const GAP = 8;
/** Characters of a line of text that surely fit. */
const TEXT = 120;

/** The classes of colours. Deeper parents come round again, with digits to tell them apart. */
const COLORS = ["own", "parent", "grandparent", "third", "fourth"] as const;

const STYLE = `
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.head { font-size: 16px; font-weight: 600 }
.title { font-weight: 600 }
.dim { fill: #59636e; font-size: 12px }
.amount { text-anchor: end }
.digit { font-size: 10px; fill: #fff; font-weight: 600 }
.page { fill: #fff }
.own { fill: #1f63b5 } .parent { fill: #bc4c00 } .grandparent { fill: #18794e }
.third { fill: #9a3b9e } .fourth { fill: #7d5a12 }
.pale { opacity: .5 }
.free { fill: #f2cc60 } .stroke { stroke: #8a6100; stroke-width: 1.5 }
.zero { fill: #d1d9e0 } .ring { fill: none; stroke: #59636e }
.trimmed { fill: #afb8c1 } .dash { stroke: #24292f }
.unallocated { fill: #f0f2f5 } .dot { fill: #8c959f }
.absent { fill: #cf222e } .cross { stroke: #fff }
.lost { fill: #82071e } .lost-part { fill: #ffcecb } .bars { stroke: #fff; stroke-width: 1.6 }
.bars-part { stroke: #82071e; stroke-width: 1.6 }
.line { stroke: #fff; stroke-width: 1; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .dim { fill: #9198a1 } .page, .line { fill: #0d1117; stroke: #0d1117 } .line { fill: none }
  .own { fill: #4493f8 } .parent { fill: #f0883e } .grandparent { fill: #3fb950 }
  .third { fill: #c77dd0 } .fourth { fill: #c8a042 } .digit { fill: #0d1117 }
  .zero { fill: #444c56 } .ring { stroke: #adbac7 } .trimmed { fill: #2f363d } .dash { stroke: #9198a1 }
  .unallocated { fill: #1a2028 } .dot { fill: #656d76 } .lost { fill: #da3633 } .lost-part { fill: #4b1113 }
  .bars-part { stroke: #ff7b72 }
}`.trim();

/** A pattern for each kind that has no digit, and the lines between cells. */
const PATTERNS = [
  pattern("free", `<path class="stroke" d="M-1 ${ROW + 1}L${CELL + 1} -1"/>`),
  pattern("zero", `<circle class="ring" cx="${CELL / 2}" cy="${ROW / 2}" r="2.2"/>`),
  pattern("trimmed", `<path class="dash" d="M2 ${ROW / 2}H${CELL - 2}"/>`),
  pattern("unallocated", `<circle class="dot" cx="${CELL / 2}" cy="${ROW / 2}" r=".9"/>`),
  pattern(
    "absent",
    `<path class="cross" d="M2 4L${CELL - 2} ${ROW - 4}M2 ${ROW - 4}L${CELL - 2} 4"/>`,
  ),
  pattern("lost", `<path class="bars" d="M0 0L${CELL} ${ROW}M0 ${ROW}L${CELL} 0"/>`),
  pattern("lost-part", `<path class="bars-part" d="M0 0L${CELL} ${ROW}M0 ${ROW}L${CELL} 0"/>`),
  `<pattern id="lines" width="${CELL}" height="${ROW}" patternUnits="userSpaceOnUse" ` +
  `patternTransform="translate(${LABEL + MARGIN} 0)"><path class="line" d="M${
    CELL - .5
  } 0V${ROW}"/></pattern>`,
].join("\n");

function pattern(id: string, mark: string): string {
  return `<pattern id="${id}" width="${CELL}" height="${ROW}" patternUnits="userSpaceOnUse">` +
    `<rect class="${id}" width="${CELL}" height="${ROW}"/>${mark}</pattern>`;
}

/** The picture, its legend and the totals. */
export function svgPicture(map: DiskMap, heading: string, notes: readonly string[]): string {
  const drawing = new Drawing();
  drawing.text(heading, "head", MARGIN);
  drawing.text(
    cellText(
      map,
      "a pale one is in files by less than half",
      ", or lost if it is crossed out",
    ),
    "dim",
    MARGIN,
  );
  const names = new Map(
    legendRows(map.totals).map(({ kind, name }) => [kind, kind === "lost" ? "lost" : name]),
  );
  for (const section of map.sections) drawSection(drawing, map, section, names);
  drawing.y += GAP;
  const rows = legendRows(map.totals);
  for (const row of rows) drawLegend(drawing, row);
  drawing.y += GAP;
  const last = [`${storedText(map.totals)}.`, ...notes];
  for (const note of last) drawing.text(note, "", MARGIN);
  const description = [
    ...rows.map(({ name, bytes, share, note }) =>
      `${name}: ${roundBytes(bytes)}, ${share}${note === undefined ? "" : `, ${note}`}`
    ),
    ...last,
  ].join("; ");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${
      drawing.y + MARGIN
    }" width="${WIDTH}" ` +
    `height="${drawing.y + MARGIN}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(heading)}</title>`,
    `<desc id="desc">${escaped(description)}</desc>`,
    `<style>${STYLE}</style>`,
    `<defs>${PATTERNS}</defs>`,
    `<rect class="page" width="100%" height="100%"/>`,
    ...drawing.elements,
    "</svg>",
    "",
  ].join("\n");
}

/** What has been drawn, and how far down. */
class Drawing {
  readonly elements: string[] = [];
  y = MARGIN;

  /** A paragraph. */
  text(text: string, kind: string, x: number): void {
    for (const line of filled(text, TEXT).split("\n")) {
      this.y += LINE;
      this.put(line, kind, x, this.y - 5);
    }
  }

  put(text: string, kind: string, x: number, y: number): void {
    const name = kind === "" ? "" : ` class="${kind}"`;
    this.elements.push(`<text${name} x="${x}" y="${y}">${escaped(text)}</text>`);
  }
}

function drawSection(
  drawing: Drawing,
  map: DiskMap,
  section: Section,
  names: ReadonlyMap<Kind, string>,
): void {
  drawing.y += GAP;
  const title = sectionTitle(map, section);
  if (title !== undefined) drawing.text(title, "title", MARGIN);
  const cells = map.cells(section);
  for (let start = 0; start < cells.length; start += map.columns) {
    const offset = section.offset + start * map.cellSize;
    drawing.put(roundBytes(offset), "dim amount", MARGIN + LABEL - 8, drawing.y + 11);
    const row = cells.slice(start, start + map.columns);
    const place = (index: number) =>
      roundBytes(Math.min(section.end, offset + index * map.cellSize));
    for (const [first, end] of runs(row)) {
      const cell = row[first]!;
      const text = `${place(first)} to ${place(end)}: ${names.get(cell.kind) ?? ""}` +
        (cell.isPart ? ", less than half" : "");
      drawing.elements.push(
        `<g><title>${escaped(text)}</title>` +
          swatch(cell, MARGIN + LABEL + first * CELL, drawing.y, (end - first) * CELL) + "</g>",
      );
    }
    drawing.elements.push(
      `<rect fill="url(#lines)" x="${MARGIN + LABEL}" y="${drawing.y}" width="${
        row.length * CELL
      }" height="${ROW}"/>`,
    );
    drawing.y += ROW + 1;
  }
}

/** Where cells of one kind begin and end. */
function* runs(cells: readonly Cell[]): Generator<[first: number, end: number]> {
  for (let first = 0; first < cells.length;) {
    let end = first + 1;
    while (cells[end]?.kind === cells[first]!.kind && cells[end]?.isPart === cells[first]!.isPart) {
      end++;
    }
    yield [first, end];
    first = end;
  }
}

/** A piece in the look of its kind; that of a parent has the number of the parent. */
function swatch({ kind, isPart }: Cell, x: number, y: number, width: number): string {
  const place = `width="${width}" height="${ROW}"`;
  // Its own coordinates keep the pattern in step with the cells.
  if (typeof kind !== "number") {
    const id = kind === "lost" && isPart ? "lost-part" : kind;
    return `<rect transform="translate(${x} ${y})" fill="url(#${id})" ${place}/>`;
  }
  const color = COLORS[kind === 0 ? 0 : 1 + (kind - 1) % (COLORS.length - 1)];
  const rect = `<rect class="${color}${isPart ? " pale" : ""}" x="${x}" y="${y}" ${place}/>`;
  if (kind === 0 || kind > 9) return rect;
  return rect + `<text class="digit" x="${x + 1.5}" y="${y + 10.5}">${kind}</text>`;
}

function drawLegend(drawing: Drawing, { kind, name, bytes, share, note }: LegendRow): void {
  const y = drawing.y + 4;
  drawing.elements.push(swatch({ kind, isPart: false }, MARGIN, y, CELL * 2));
  if (typeof kind === "number" || kind === "lost") {
    drawing.elements.push(swatch({ kind, isPart: true }, MARGIN + CELL * 2 + 1, y, CELL * 2));
  }
  const baseline = drawing.y + LINE - 5;
  drawing.put(cut(name, 44), "", MARGIN + LABEL, baseline);
  drawing.put(roundBytes(bytes), "amount", 500, baseline);
  drawing.put(share, "amount", 570, baseline);
  if (note !== undefined) drawing.put(note, "dim", 590, baseline);
  drawing.y += LINE;
}
