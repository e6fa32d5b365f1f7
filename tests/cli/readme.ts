/**
 * The table of commands in README, which follows from their declarations. `deno task readme` writes it anew.
 */
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations, type Permission } from "../../src/cli/declaration.ts";

/** Where the table is. */
export const README = new URL("../../README.md", import.meta.url);
const TABLE =
  /(?<=<!-- commands: `deno task readme` writes this table -->\n\n)[^]*?(?=\n\n<!-- -->)/;

/** The table as README has it. */
export function tableIn(readme: string): string {
  const [table] = TABLE.exec(readme) ?? [];
  if (table === undefined) throw new Error("README has no place for the table of commands");
  return table;
}

/** The table as it must be, but for the width of its columns. */
export async function commandTable(): Promise<string> {
  const rows = (await declarations(COMMANDS)).map(([name, summary, { operands, permissions }]) => {
    const needs = permissions.map(needed);
    return [
      `\`${[name, operands].join(" ").trim()}\``,
      summary,
      needs.length === 0 ? "none" : needs.join(", "),
    ];
  });
  const head = ["command", "what it does", "permissions"];
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** A table without what makes its columns equally wide. */
export function unaligned(table: string): string {
  return table.replaceAll(/ +/g, " ").replaceAll(/-{4,}/g, "---");
}

function needed({ kind, with: only, unless }: Permission): string {
  const code = (options: readonly string[]) => options.map((each) => `\`${each}\``).join(" or ");
  return [
    `\`--allow-${kind}\``,
    ...(only === undefined ? [] : [`with ${code(only)}`]),
    ...(unless === undefined ? [] : [`but for ${code(unless)}`]),
  ].join(" ");
}

if (import.meta.main) {
  const readme = Deno.readTextFileSync(README);
  tableIn(readme);
  const table = await commandTable();
  Deno.writeTextFileSync(README, readme.replace(TABLE, () => table));
}
