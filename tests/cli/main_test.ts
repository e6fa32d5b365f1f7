/** What every command has in common: help, command lines that are wrong, files that do not open. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;
/** Each command, with what it needs beside a file. */
const COMMANDS: readonly (readonly string[])[] = [
  ["info"],
  ["diagnose"],
  ["create", "--size", "8MiB"],
  ["convert", "target.vhd"],
  ["read"],
  ["write"],
  ["expand", "9MiB"],
  ["resize", "9MiB"],
  ["rebase", "parent.vhdx"],
  ["compact"],
  ["merge"],
  ["check"],
  ["compare", "other.vhdx"],
  ["changes"],
  ["map"],
  ["metadata"],
];
/** Those of which a file that does not open is a finding. */
const TELLERS = ["info", "diagnose"];

function withFile([command = "", ...rest]: readonly string[], file: string): string[] {
  const options = rest[0]?.startsWith("--") ? rest : [];
  return [command, ...options, file, ...rest.slice(options.length)];
}

Deno.test("every command is listed, and tells of its options", async () => {
  using dir = new TempDir();
  const { out } = await runCli(dir, ["help"]);
  const listed = [...out.matchAll(/^ {2}([a-z]+) +\S/gm)].map(([, name]) => name);
  assertEquals(listed, COMMANDS.map(([name]) => name));
  for (const [name = ""] of COMMANDS) {
    const { code, out } = await runCli(dir, [name, "--help"]);
    assertEquals([code, out.startsWith(`Usage: virtdisk ${name} `)], [0, true]);
    assertEquals(out.split("\n").filter((line) => line.length > 110), []);
  }
  assertMatch((await runCli(dir, ["help", "map"])).out, /^Usage: virtdisk map /);
});

Deno.test("a folder is no image, and nothing happens to it", async (t) => {
  using dir = new TempDir();
  Deno.mkdirSync(dir.file("folder.vhdx"));
  for (const command of COMMANDS) {
    await t.step(command.join(" "), async () => {
      const { code, out, err } = await runCli(dir, withFile(command, "folder.vhdx"));
      assertEquals(code, TELLERS.includes(command[0]!) ? 1 : 2);
      if (command[0] === "create") return assertStringIncludes(err, "ERROR_FILE_EXISTS");
      assertStringIncludes(out + err, "the path is a folder");
    });
  }
  assertEquals([...Deno.readDirSync(dir.path)].length, 1);
});

Deno.test("names with spaces, quotes and leading dashes are names", async () => {
  using dir = new TempDir();
  // Windows has no quotation marks in names.
  const quoted = Deno.build.os === "windows" ? "it's it.vhdx" : 'it\'s "it".vhdx';
  for (const name of ["my disk.vhdx", quoted, "-v.vhdx"]) {
    (await createImage(dir.file(name), { size: 8 * MIB })).close();
    const { code, out } = await runCli(dir, ["check", "--json", "--", name]);
    assertEquals([code, JSON.parse(out).path], [0, dir.file(name)]);
  }
});

Deno.test("what is wrong with a command line stands in its first line", async (t) => {
  using dir = new TempDir();
  const rows: [args: string[], message: string][] = [
    [["-v.vhdx"], 'unknown command "-v.vhdx"'],
    [
      ["info", "-v.vhdx"],
      "info: unknown option -v; a file whose name begins with - is given behind --",
    ],
    [
      ["merge", "--fast", "a"],
      "merge: unknown option --fast; a file whose name begins with - is given behind --",
    ],
    [
      ["read", "a", "--offset"],
      "read: --offset needs a value; one that begins with - is given as --offset=VALUE",
    ],
    [
      ["read", "--offset", "-5", "a"],
      "read: --offset needs a value; one that begins with - is given as --offset=VALUE",
    ],
    [["info", "--json=3", "a"], "info: Option '--json' does not take an argument"],
  ];
  for (const [args, message] of rows) {
    await t.step(args.join(" "), async () => {
      const { code, out, err } = await runCli(dir, args);
      assertEquals([code, out, err.split("\n")[0]], [2, "", `virtdisk: ${message}`]);
    });
  }
});

Deno.test("a refusal names the option of the command line, and a damaged file no other format", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  const refused = await runCli(dir, ["write", "base.vhdx"], new Uint8Array(1));
  assertEquals(refused.code, 2);
  assertMatch(refused.err, /\n {2}or: Pass --ignore-children to lose them\.\n$/);
  const done = await runCli(dir, ["write", "--ignore-children", "base.vhdx"], new Uint8Array(1));
  assertEquals([done.code, done.err], [0, ""]);
  const bytes = Deno.readFileSync(dir.file("base.vhdx"));
  for (const offset of [65536, 131072]) bytes[offset]! ^= 1;
  Deno.writeFileSync(dir.file("base.vhdx"), bytes);
  const damaged = await runCli(dir, ["read", "base.vhdx"]);
  assertMatch(
    damaged.err,
    /ERROR_FILE_CORRUPT, 1392\)\. See what `check` finds, and restore .*\n$/,
  );
});
