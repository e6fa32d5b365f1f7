/** What every command has in common: help, command lines that are wrong, files that do not open. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createImage } from "../create_image.ts";
import { sampledRows } from "../sampling.ts";
import { ROOT, TempDir } from "../support.ts";
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
  ["salvage", "saved.vhd"],
  ["compare", "other.vhdx"],
  ["changes"],
  ["map"],
  ["free"],
  ["serve"],
  ["metadata"],
];
/** Those that only Windows has, with what they need. */
const WINDOWS_COMMANDS: readonly (readonly string[])[] = [
  ["attach", "disk.vhdx"],
  ["detach", "E:"],
  ["attached"],
];
/** Those that work on no file. */
const GENERAL_COMMANDS: readonly (readonly string[])[] = [["completions"], ["manual"]];

function withFile([command = "", ...rest]: readonly string[], file: string): string[] {
  const options = rest[0]?.startsWith("--") ? rest : [];
  return [command, ...options, file, ...rest.slice(options.length)];
}

Deno.test("every command is listed, and tells of its options", async () => {
  using dir = new TempDir();
  const { out } = await runCli(dir, ["help"]);
  const listed = [...out.matchAll(/^ {2}([a-z]+) +\S/gm)].map(([, name]) => name);
  const all = [...COMMANDS, ...WINDOWS_COMMANDS, ...GENERAL_COMMANDS];
  assertEquals(listed, all.map(([name]) => name));
  for (const [name = ""] of sampledRows(all, 3)) {
    const { code, out } = await runCli(dir, [name, "--help"]);
    assertEquals([code, out.startsWith(`Usage: virtdisk ${name} `)], [0, true]);
    assertEquals(out.split("\n").filter((line) => line.length > 110), []);
  }
  assertMatch((await runCli(dir, ["help", "map"])).out, /^Usage: virtdisk map /);
});

Deno.test("a folder is no image, and nothing happens to it", async (t) => {
  using dir = new TempDir();
  Deno.mkdirSync(dir.file("folder.vhdx"));
  for (const command of sampledRows(COMMANDS, 3)) {
    await t.step(command.join(" "), async () => {
      const { code, out, err } = await runCli(dir, withFile(command, "folder.vhdx"));
      assertEquals(code, 2);
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

Deno.test("a mistake is answered in two lines: what is wrong, and where the help is", async (t) => {
  using dir = new TempDir();
  const behind = "a file whose name begins with - is given after --";
  const size = "must be a number of bytes or a size such as 10GiB";
  const rows: [args: string[], message: string, help: string][] = [
    [["crate"], 'there is no command "crate"; did you mean create?', ""],
    [["help", "inof"], 'there is no command "inof"; did you mean info?', ""],
    [["disk.vhdx"], 'there is no command "disk.vhdx"; did you mean info disk.vhdx?', ""],
    [["--vresion"], 'there is no command "--vresion"; did you mean --version?', ""],
    [["--json", "info"], 'a command must come before "--json"', ""],
    [["-v"], 'a command must come before "-v"', ""],
    [["info"], "info: FILE is missing", "info"],
    [["check"], "check: FILE is missing", "check"],
    [["convert"], "convert: SOURCE and TARGET are missing", "convert"],
    [["expand", "a"], "expand: SIZE is missing", "expand"],
    [["read", "a", "b", "c"], 'read takes FILE and no more, not "b" and 1 more', "read"],
    [["info", "-v.vhdx"], `info: there is no option -v; ${behind}`, "info"],
    [["merge", "--fast", "a"], `merge: there is no option --fast; ${behind}`, "merge"],
    [["info", "--jsn", "a"], "info: there is no option --jsn; did you mean --json?", "info"],
    [
      ["compact", "--dryrun", "a"],
      "compact: there is no option --dryrun; did you mean --dry-run?",
      "compact",
    ],
    [["info", "--json=3", "a"], "info: --json takes no value", "info"],
    [
      ["read", "a", "--offset"],
      "read: --offset needs a value; one that begins with - is given as --offset=VALUE",
      "read",
    ],
    [
      ["read", "--offset", "-5", "a"],
      "read: --offset needs a value; one that begins with - is given as --offset=VALUE",
      "read",
    ],
    [
      ["info", "--type", "vdhx", "a"],
      '--type must be vhd, vhdx, iso or raw, not "vdhx"; did you mean vhdx?',
      "info",
    ],
    [["create", "a.vhdx"], "create: SIZE is missing, or --parent", "create"],
    [["create", "a.vhdx", "10Gigs"], `SIZE ${size}, not "10Gigs"; did you mean 10GiB?`, "create"],
    [
      ["create", "10G", "a.vhdx"],
      "create: the size comes after the file; did you mean virtdisk create a.vhdx 10G?",
      "create",
    ],
    [
      ["create", "--size", "10G", "a.vhdx", "10G"],
      "create: SIZE and --size say the same; leave one out",
      "create",
    ],
    [["create", "--block-size", "two", "a.vhdx"], `--block-size ${size}, not "two"`, "create"],
    [
      ["resize", "a.vhdx", "-5M"],
      `resize: there is no option -5; a size cannot be negative, and ${behind}`,
      "resize",
    ],
    [
      ["resize", "a.vhdx", "smallest"],
      'SIZE must be a size such as 10GiB or smallest-safe, not "smallest"; did you mean smallest-safe?',
      "resize",
    ],
    [
      ["expand", "+5M", "a.vhdx"],
      "expand: the size comes after the file; did you mean virtdisk expand a.vhdx +5M?",
      "expand",
    ],
    [["expand", "a.vhdx", "+5X"], `SIZE ${size}, not "5X"`, "expand"],
  ];
  for (const [args, message, help] of sampledRows(rows, 3)) {
    await t.step(args.join(" "), async () => {
      const { code, out, err } = await runCli(dir, args);
      const see = help === "" ? "See `virtdisk --help`." : `See \`virtdisk ${help} --help\`.`;
      assertEquals([code, out, err], [2, "", `virtdisk: ${message}\n${see}\n`]);
    });
  }
  assertEquals([...Deno.readDirSync(dir.path)], []);
});

Deno.test("without a command there is the list of commands, and with --version the version", async () => {
  using dir = new TempDir();
  const nothing = await runCli(dir, []);
  assertEquals([nothing.code, nothing.out], [2, ""]);
  assertStringIncludes(nothing.err, "\n  convert     copy an image as another kind\n");
  const { code, out, err } = await runCli(dir, ["--version"]);
  const { version } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  assertEquals([code, err], [0, ""]);
  assertEquals(out.startsWith(`virtdisk ${version} (Deno ${Deno.version.deno}, `), true, out);
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
    /ERROR_FILE_CORRUPT, 1392\)\. The file holds it twice, .*See what `virtdisk check` finds, and restore .*\n$/s,
  );
});
