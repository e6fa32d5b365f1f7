/**
 * Colours on a terminal. `styleText` of `node:util` reads the environment when standard output is a
 * terminal, which Deno asks the user's permission for.
 *
 * @module
 */

/** The numbers of Select Graphic Rendition (ECMA-48): what begins a style, and what ends it. */
const STYLES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
} as const;

/**
 * The text for standard output: in that style on a terminal, unless the environment has NO_COLOR, and as it
 * is elsewhere.
 */
export function style(name: keyof typeof STYLES, text: string): string {
  if (Deno.noColor || !Deno.stdout.isTerminal()) return text;
  const [begin, end] = STYLES[name];
  return `\x1b[${begin}m${text}\x1b[${end}m`;
}
