/**
 * The parts of the documentation that follow from the source: each lies between two comments of its page.
 *
 * Usage: `deno task readme`, which writes all of them.
 */
import { drawNewestRun } from "./benchmark_svg.ts";
import { freeSpaceTable, speedTables } from "./benchmarks.ts";
import { commandTable } from "./commands.ts";
import { errorSections } from "./errors.ts";
import { commandPermissions } from "./permissions.ts";
import { jsonTables } from "./json.ts";

/** The root of the repository. */
const ROOT = new URL("../../", import.meta.url);

/** A part that is written by a program. */
export interface Part {
  /** The page, from the root of the repository. */
  readonly page: string;
  /** What it is about, as its first comment says. */
  readonly about: string;
  /** Makes the part, but for the width of the columns and the ends of the lines. */
  readonly make: () => string | Promise<string>;
}

/** All of them. */
export const PARTS: readonly Part[] = [
  { page: "README.md", about: "commands", make: commandTable },
  { page: "README.md", about: "free space", make: freeSpaceTable },
  { page: "docs/permissions.md", about: "commands", make: commandPermissions },
  { page: "docs/errors.md", about: "errors", make: errorSections },
  { page: "docs/json.md", about: "objects", make: jsonTables },
  { page: "docs/speed.md", about: "speed", make: speedTables },
];

/** What is there between the comments. */
export function partIn(text: string, part: Part): string {
  const [found] = place(part).exec(text) ?? [];
  if (found === undefined) throw new Error(`${part.page} has no place for its ${part.about}`);
  return found;
}

/** The text of a page of the repository. */
export function pageText(page: string): string {
  return Deno.readTextFileSync(new URL(page, ROOT)).replaceAll("\r\n", "\n");
}

/** A text without what the formatter changes: the width of columns and the length of lines. */
export function unaligned(text: string): string {
  return text.replaceAll(/-{4,}/g, "---").replaceAll(/\s+/g, " ");
}

function place({ about }: Part): RegExp {
  return new RegExp(
    `(?<=<!-- ${about}: \`deno task readme\` writes [a-z ]+ -->\n\n)[^]*?(?=\n\n<!-- -->)`,
  );
}

if (import.meta.main) {
  drawNewestRun();
  for (const part of PARTS) {
    const text = pageText(part.page);
    partIn(text, part);
    const made = await part.make();
    Deno.writeTextFileSync(new URL(part.page, ROOT), text.replace(place(part), () => made));
  }
}
