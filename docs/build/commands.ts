/** The table of commands in README. */
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations, type Permission } from "../../src/cli/declaration.ts";

/** A row for each command: what it does, which permissions it needs. */
export async function commandTable(): Promise<string> {
  const rows = (await declarations(COMMANDS)).map(([name, summary, { operands, permissions }]) => {
    const needs = permissions.map(needed);
    return [
      `\`${[name, operands].join(" ").trim()}\``,
      summary,
      needs.length === 0 ? "none" : needs.join(", "),
    ];
  });
  return table(["command", "what it does", "permissions"], rows);
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) =>
    `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  ).join("\n");
}

/** Options as they are typed. */
export function anyOf(options: readonly string[]): string {
  return options.map((each) => `\`${each}\``).join(" or ");
}

function needed({ kind, with: only, unless, forUrls }: Permission): string {
  return [
    `\`--allow-${kind}\``,
    ...(only === undefined ? [] : [`with ${anyOf(only)}`]),
    ...(unless === undefined ? [] : [`but for ${anyOf(unless)}`]),
    ...(forUrls ? ["for a URL"] : []),
  ].join(" ");
}
