/**
 * What a terminal shows, as an SVG image: text with the colours of Select Graphic Rendition (ECMA-48).
 *
 * @module
 */
import { escaped } from "../../src/cli/svg.ts";

/** A picture of a terminal. */
export interface TerminalPicture {
  /** What is shown, in a few words. */
  readonly title: string;
  /** What was typed. */
  readonly command: string;
  /** What was printed: lines, with escape sequences of colours and no others. */
  readonly output: string;
}

/** How a piece of a line looks. */
interface Look {
  readonly bold?: boolean;
  readonly dim?: boolean;
  readonly red?: boolean;
  /** Of the 256 colours. */
  readonly text?: number;
  readonly ground?: number;
}

// Lengths are in pixels.
const COLUMN = 7.8;
const LINE = 18;
const MARGIN = 16;
/** Of its bar. */
const TOP = 30;

const STYLE = `
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2328; white-space: pre }
.page { fill: #fff; stroke: #d1d9e0 } .bar { fill: #f0f2f5 } .light { fill: #afb8c1 }
.bold { font-weight: 700 } .dim { fill: #6e7781 } .red { fill: #cf222e }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .page { fill: #0d1117; stroke: #30363d } .bar { fill: #1a2028 } .light { fill: #444c56 }
  .dim { fill: #8b949e } .red { fill: #ff7b72 }
}`.trim();

/** Draws it. */
export function terminalSvg({ title, command, output }: TerminalPicture): string {
  const lines = [`\x1b[1m$\x1b[22m ${command}`, ...output.trimEnd().split("\n")].map(pieces);
  const columns = Math.max(
    ...lines.map((line) => line.reduce((sum, [text]) => sum + text.length, 0)),
  );
  const width = Math.ceil(columns * COLUMN + 2 * MARGIN);
  const height = TOP + MARGIN + lines.length * LINE + MARGIN / 2;
  const elements = lines.flatMap((line, index) => drawn(line, TOP + MARGIN + index * LINE));
  const plain = lines.map((line) => line.map(([text]) => text).join("")).join("\n");
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-labelledby="title desc">`,
    `<title id="title">${escaped(title)}</title>`,
    `<desc id="desc">${escaped(plain)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="page" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    `<path class="bar" d="M1 ${TOP}V8Q1 1 8 1H${width - 8}Q${width - 1} 1 ${
      width - 1
    } 8V${TOP}Z"/>`,
    ...[0, 1, 2].map((i) => `<circle class="light" cx="${18 + i * 18}" cy="${TOP / 2}" r="5"/>`),
    ...elements,
    "</svg>",
    "",
  ].join("\n");
}

type Piece = readonly [text: string, look: Look];

/** A line, taken apart where its look changes. */
function pieces(line: string): Piece[] {
  const found: Piece[] = [];
  let look: Look = {};
  // deno-lint-ignore no-control-regex
  for (const [index, part] of line.split(/\x1b\[([0-9;]*)m/).entries()) {
    if (index % 2 === 1) look = changed(look, part);
    else if (part !== "") found.push([part, look]);
  }
  return found;
}

function changed(look: Look, codes: string): Look {
  let next = look;
  const numbers = codes.split(";").map(Number);
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i];
    if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 31) next = { ...next, red: true };
    else if (code === 38) next = { ...next, text: numbers[i += 2]! };
    else if (code === 48) next = { ...next, ground: numbers[i += 2]! };
    else if (code === 39) next = without(next, "text", "red");
    else if (code === 49) next = without(next, "ground");
    else throw new Error(`there is no picture of SGR ${code}`);
  }
  return next;
}

function without(look: Look, ...names: (keyof Look)[]): Look {
  return Object.fromEntries(
    Object.entries(look).filter(([name]) => !names.includes(name as keyof Look)),
  );
}

function drawn(line: readonly Piece[], y: number): string[] {
  let x = MARGIN;
  return line.flatMap(([text, look]) => {
    const width = text.length * COLUMN;
    const start = round(x);
    x += width;
    const ground = look.ground === undefined ? [] : [
      `<rect x="${start}" y="${y - 1}" width="${round(width)}" height="${LINE}" fill="${
        color(look.ground)
      }"/>`,
    ];
    if (text.trim() === "") return ground;
    const kinds = (["bold", "dim", "red"] as const).filter((name) => look[name] === true);
    const kind = kinds.length === 0 ? "" : ` class="${kinds.join(" ")}"`;
    const fill = look.text === undefined ? "" : ` style="fill:${color(look.text)}"`;
    return [
      ...ground,
      // Its length holds the columns together, whatever font there is.
      `<text${kind}${fill} x="${start}" y="${y + 12}" textLength="${
        round(width)
      }" xml:space="preserve">` +
      `${escaped(text)}</text>`,
    ];
  });
}

function round(length: number): number {
  return Math.round(length * 10) / 10;
}

/** The colours from 16 on, as xterm has them: a cube, and greys. */
function color(number: number): string {
  const level = (value: number) => value === 0 ? 0 : 55 + value * 40;
  const cube = number - 16;
  const parts = number >= 232
    ? [0, 0, 0].map(() => 8 + (number - 232) * 10)
    : [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map(level);
  return `#${parts.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
