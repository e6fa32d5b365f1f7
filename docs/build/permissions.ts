/** The permissions of each command, from the declarations of the commands. */
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations, type Permission } from "../../src/cli/declaration.ts";
import { flagOf } from "../../src/cli/program.ts";
import { anyOf, table } from "./commands.ts";

/** A row for each permission of each command. */
export async function commandPermissions(): Promise<string> {
  const rows = (await declarations(COMMANDS)).flatMap(([name, , { permissions }]) =>
    permissions.length === 0 ? [[`\`${name}\``, "none", ""]] : permissions.map((each, index) => [
      index === 0 ? `\`${name}\`` : "",
      `\`${each.kind === "ffi" ? "--allow-ffi" : flagOf(each)}\``,
      scope(each),
    ])
  );
  return table(["command", "flag", "for"], rows);
}

function scope({ kind, scope, with: only, unless }: Permission): string {
  return [
    kind === "ffi" ? "the two DLLs" : scope,
    ...(only === undefined ? [] : [`only with ${anyOf(only)}`]),
    ...(unless === undefined ? [] : [`not with ${anyOf(unless)}`]),
  ].join("; ");
}
