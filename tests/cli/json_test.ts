/**
 * What programs rely on: with --json every command prints, of each file, one object that the JSON Schema
 * describes, whether it succeeds or fails.
 */
import { assert, assertEquals } from "@std/assert";
import { resolve } from "@std/path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations } from "../../src/cli/declaration.ts";
import { createImage } from "../create_image.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { udfImage } from "../portable/iso/iso_builder.ts";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import { onlyOn, pythonModule, run, TempDir, testWith, tool } from "../support.ts";
import { alternatives, SCHEMA, violations } from "./json_schema.ts";
import { CLI_ARGS, type Outcome, runCli, runCliWith } from "./run_cli.ts";

const MIB = 2 ** 20;
const ITEM = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

/** An object that a command printed. */
type Printed = Readonly<Record<string, unknown>>;

/** Images of all kinds, one of them damaged. */
async function makeFiles(dir: TempDir): Promise<void> {
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB });
    const table = new MemoryDisk(8 * MIB / 512);
    table.gpt([2048, 8191]);
    disk.writeSync(table.bytes, 0);
  }
  (await createImage(dir.file("base.vhdx"), { size: 8 * MIB })).close();
  {
    using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") });
    child.writeSync(new Uint8Array(512).fill(1), MIB);
  }
  (await createImage(dir.file("old.vhd"), { size: 8 * MIB, subtype: "fixed" })).close();
  Deno.writeFileSync(dir.file("disc.iso"), udfImage().bytes);
  (await createImage(dir.file("damaged.vhdx"), { size: 8 * MIB })).close();
  const bytes = Deno.readFileSync(dir.file("damaged.vhdx"));
  for (const offset of [65536, 131072]) bytes[offset]! ^= 1;
  Deno.writeFileSync(dir.file("damaged.vhdx"), bytes);
}

/** What a run has printed for programs, on the stream where it belongs, and nothing else there. */
function printed({ out, err }: Outcome, besideBytes = false): Printed[] {
  const lines = (besideBytes ? err : out).split("\n");
  assertEquals(lines.pop(), "");
  if (!besideBytes) assertEquals(err, "");
  return lines.map((line) => JSON.parse(line));
}

/** Each object is described by the schema, and says what all of them say. */
function assertDescribed(objects: readonly Printed[], subcommand: string): void {
  assert(objects.length > 0);
  for (const each of objects) {
    assertEquals(violations(each), [], JSON.stringify(each));
    assertEquals([each["schema"], each["subcommand"]], [1, subcommand]);
  }
}

interface Row {
  readonly args: readonly string[];
  /** Exit status; default: 0. */
  readonly code?: number;
  readonly input?: Uint8Array;
  /** Of each object; `null` for standard input. */
  readonly paths: readonly (string | null)[];
  readonly besideBytes?: boolean;
}

/** Commands that do their work. Earlier ones make what later ones take. */
const SUCCESSES: readonly Row[] = [
  {
    args: ["info", "disk.vhdx", "child.vhdx", "old.vhd", "disc.iso"],
    paths: ["disk.vhdx", "child.vhdx", "old.vhd", "disc.iso"],
  },
  { args: ["info", "--type", "raw", "./disc.iso"], paths: ["disc.iso"] },
  { args: ["info", "--tree", "child.vhdx"], paths: ["base.vhdx", "child.vhdx"] },
  { args: ["diagnose", "child.vhdx", "old.vhd"], paths: ["child.vhdx", "old.vhd"] },
  { args: ["diagnose", "damaged.vhdx"], code: 1, paths: ["damaged.vhdx"] },
  { args: ["check", "disk.vhdx", "disc.iso"], paths: ["disk.vhdx", "disc.iso"] },
  { args: ["check", "damaged.vhdx"], code: 1, paths: ["damaged.vhdx"] },
  { args: ["create", "new.vhdx", "8M"], paths: ["new.vhdx"] },
  { args: ["create", "--parent", "new.vhdx", "newer.vhdx"], paths: ["newer.vhdx"] },
  { args: ["convert", "disk.vhdx", "copy.vhd"], paths: ["copy.vhd"] },
  { args: ["convert", "--type", "vhd", "disk.vhdx", "-"], paths: ["disk.vhdx"], besideBytes: true },
  {
    args: ["convert", "--type", "raw", "-", "-"],
    input: new Uint8Array(512),
    paths: [null],
    besideBytes: true,
  },
  { args: ["read", "--length", "4", "disk.vhdx"], paths: ["disk.vhdx"], besideBytes: true },
  {
    args: ["read", "--salvage", "--length", "4", "damaged.vhdx"],
    code: 1,
    paths: ["damaged.vhdx"],
    besideBytes: true,
  },
  { args: ["salvage", "damaged.vhdx", "saved.vhdx"], code: 1, paths: ["damaged.vhdx"] },
  { args: ["map", "--salvage", "damaged.vhdx"], code: 1, paths: ["damaged.vhdx"] },
  {
    args: ["map", "--salvage", "--as", "totals", "damaged.vhdx"],
    code: 1,
    paths: ["damaged.vhdx"],
  },
  {
    args: ["write", "new.vhdx", "--ignore-children"],
    input: new Uint8Array(3),
    paths: ["new.vhdx"],
  },
  {
    args: ["map", "--length", "2M", "child.vhdx"],
    paths: ["child.vhdx", "child.vhdx", "child.vhdx"],
  },
  { args: ["map", "--no-parents", "--length", "512", "child.vhdx"], paths: ["child.vhdx"] },
  { args: ["map", "--as", "totals", "child.vhdx"], paths: ["child.vhdx"] },
  { args: ["map", "--svg", "child.svg", "child.vhdx"], paths: ["child.vhdx"] },
  {
    args: ["compare", "base.vhdx", "child.vhdx"],
    code: 1,
    paths: ["base.vhdx", "base.vhdx"],
  },
  { args: ["changes", "child.vhdx"], code: 1, paths: ["child.vhdx", "child.vhdx"] },
  { args: ["expand", "disk.vhdx", "+8M"], paths: ["disk.vhdx"] },
  { args: ["resize", "--dry-run", "disk.vhdx", "smallest-safe"], paths: ["disk.vhdx"] },
  { args: ["compact", "disk.vhdx"], paths: ["disk.vhdx"] },
  { args: ["compact", "--free-space", "disk.vhdx"], paths: ["disk.vhdx"] },
  { args: ["free", "disk.vhdx", "child.vhdx"], paths: ["disk.vhdx", "child.vhdx"] },
  {
    args: ["map", "--free-space", "--length", "2M", "child.vhdx"],
    paths: ["child.vhdx", "child.vhdx", "child.vhdx"],
  },
  { args: ["rebase", "--dry-run", "child.vhdx", "base.vhdx"], paths: ["child.vhdx"] },
  { args: ["merge", "--into", "flat.vhdx", "child.vhdx"], paths: ["child.vhdx"] },
  { args: ["merge", "--remove-child", "child.vhdx"], paths: ["child.vhdx"] },
  {
    args: ["metadata", "--set", `{${ITEM.toUpperCase()}}`, "disk.vhdx"],
    input: new Uint8Array(5),
    paths: ["disk.vhdx"],
  },
  { args: ["metadata", "disk.vhdx"], paths: ["disk.vhdx"] },
  { args: ["metadata", "--get", ITEM, "disk.vhdx"], paths: ["disk.vhdx"], besideBytes: true },
  { args: ["metadata", "--delete", ITEM, "disk.vhdx"], paths: ["disk.vhdx"] },
];

/** Every command, with a file that is not there; the first name of a file is the one that it is about. */
const MISSING: readonly Row[] = [
  { args: ["info", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["diagnose", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["check", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["create", "--parent", "none.vhdx", "a.vhdx"], paths: ["a.vhdx"] },
  { args: ["convert", "none.vhdx", "a.vhdx"], paths: ["a.vhdx"] },
  { args: ["convert", "--type", "raw", "none.vhdx", "-"], paths: ["none.vhdx"], besideBytes: true },
  { args: ["read", "none.vhdx"], paths: ["none.vhdx"], besideBytes: true },
  { args: ["salvage", "none.vhdx", "a.vhdx"], paths: ["none.vhdx"] },
  { args: ["write", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["map", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["compare", "none.vhdx", "disk.vhdx"], paths: ["none.vhdx"] },
  { args: ["changes", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["expand", "none.vhdx", "1G"], paths: ["none.vhdx"] },
  { args: ["resize", "none.vhdx", "1G"], paths: ["none.vhdx"] },
  { args: ["compact", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["free", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["serve", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["rebase", "none.vhdx", "disk.vhdx"], paths: ["none.vhdx"] },
  { args: ["merge", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["metadata", "none.vhdx"], paths: ["none.vhdx"] },
  { args: ["metadata", "--get", ITEM, "none.vhdx"], paths: ["none.vhdx"], besideBytes: true },
];

async function runJson(
  dir: TempDir,
  { args, input, besideBytes }: Row,
): Promise<[number, Printed[]]> {
  const [name = "", ...rest] = args;
  const outcome = await runCli(dir, [name, "--json", ...rest], input);
  return [outcome.code, printed(outcome, besideBytes)];
}

/** Tested where they work, in attach_test.ts. */
const WINDOWS = ["attach", "attached", "detach"];
const WINDOWS_RESULTS = ["attachment", "attached", "detachment"];

/** All that print JSON, but for what only Windows has. */
const SUBCOMMANDS: readonly string[] = (await declarations(COMMANDS))
  .filter(([name, , { options }]) => "json" in options && !WINDOWS.includes(name))
  .map(([name]) => name).sort();

/** What it prints when it has begun is tested in serve_test.ts, for it goes on until it is interrupted. */
const UNTIL_INTERRUPTED = ["serve"];

const names = (rows: readonly Row[]) => [...new Set(rows.map(({ args }) => args[0]!))].sort();

Deno.test("every command prints objects that the schema describes, and no other", async (t) => {
  using dir = new TempDir();
  await makeFiles(dir);
  assertEquals(names(SUCCESSES), SUBCOMMANDS.filter((name) => !UNTIL_INTERRUPTED.includes(name)));
  const used = new Set<string>();
  for (const row of SUCCESSES) {
    await t.step(row.args.join(" "), async () => {
      const [code, objects] = await runJson(dir, row);
      assertEquals(code, row.code ?? 0, JSON.stringify(objects));
      assertDescribed(objects, row.args[0]!);
      assertEquals(objects.map(({ ok }) => ok), objects.map(() => true));
      assertEquals(
        objects.map(({ path }) => path),
        row.paths.map((name) => name && dir.file(name)),
      );
      for (const name of objects.flatMap(alternatives)) used.add(name);
    });
  }
  const { anyOf } = SCHEMA as { anyOf: { $ref: string }[] };
  const wanted = anyOf.map(({ $ref }) => $ref.split("/").at(-1)!).filter((name) =>
    !["failure", "served", ...WINDOWS_RESULTS].includes(name)
  );
  assertEquals([...used].sort(), wanted.sort());
});

Deno.test("a file that is not there is the same failure in every command", async (t) => {
  using dir = new TempDir();
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  assertEquals(names(MISSING), SUBCOMMANDS);
  for (const row of sampledRows(MISSING, 3)) {
    await t.step(row.args.join(" "), async () => {
      const [code, objects] = await runJson(dir, row);
      assertDescribed(objects, row.args[0]!);
      const facts = objects.map(({ ok, name, code, symbol, path }) => ({
        ok,
        name,
        code,
        symbol,
        path,
      }));
      const about = {
        ok: false,
        name: "VirtualDiskError",
        code: 2,
        symbol: "ERROR_FILE_NOT_FOUND",
        path: row.paths[0] && dir.file(row.paths[0]),
      };
      assertEquals([code, facts], [2, [about]]);
      // A person gets the same exit status.
      assertEquals((await runCli(dir, row.args)).code, 2);
    });
  }
});

Deno.test("whatever else fails is told to programs too", async (t) => {
  using dir = new TempDir();
  await makeFiles(dir);
  const path = (name: string) => dir.file(name);
  const rows: [args: string[], expected: Printed][] = [
    [["info", "damaged.vhdx"], {
      name: "VirtualDiskError",
      symbol: "ERROR_FILE_CORRUPT",
      path: path("damaged.vhdx"),
    }],
    [["info", "--jsn", "disk.vhdx"], { name: "UsageError", code: null, symbol: null, path: null }],
    [["create", "a.vhdx", "10Gigs"], { name: "UsageError", path: null }],
    [["write", "disk.vhdx", "--length", "1G"], { name: "CommandFailure", path: path("disk.vhdx") }],
    [["metadata", "--delete", ITEM, "disk.vhdx"], {
      name: "CommandFailure",
      path: path("disk.vhdx"),
    }],
    [["metadata", "--delete", "x", "disk.vhdx"], { name: "UsageError", path: null }],
    [["resize", "base.vhdx", "9M"], { symbol: "ERROR_VHD_INVALID_STATE", path: path("base.vhdx") }],
    [["resize", "old.vhd", "4M"], { symbol: "ERROR_VHD_INVALID_TYPE", file: path("old.vhd") }],
    [["info", "/dev/null/x"], { name: "NotCapable", path: resolve(dir.path, "/dev/null/x") }],
  ];
  for (const [[name = "", ...rest], expected] of rows) {
    await t.step([name, ...rest].join(" "), async () => {
      const outcome = await runCliWith(dir, ["--allow-read=.", "--allow-write=."], [
        name,
        "--json",
        ...rest,
      ]);
      const objects = printed(outcome);
      assertDescribed(objects, name);
      assertEquals([outcome.code, objects.length], [2, 1]);
      const [failure = {}] = objects;
      assertEquals({ ...failure, ...expected, ok: false }, failure);
    });
  }
  await t.step("the place of a damage, and causes apart from the message", async () => {
    const [, [failure = {}]] = await runJson(dir, { args: ["info", "damaged.vhdx"], paths: [] });
    const { message, causes, detail } = failure as {
      message: string;
      causes: string[];
      detail: Printed;
    };
    assertEquals([message.endsWith("1392)"), causes.length > 0], [true, true], message);
    assertEquals(typeof detail["offset"], "number");
  });
  await t.step("a word that is no command", async () => {
    const outcome = await runCli(dir, ["crate", "--json", "disk.vhdx"]);
    const [failure = {}] = printed(outcome);
    assertEquals(violations(failure), []);
    assertEquals([outcome.code, failure["subcommand"], failure["ok"]], [2, null, false]);
  });
});

testWith(
  [onlyOn("linux", "darwin")],
  "an interruption is told to programs, with the state",
  async () => {
    using dir = new TempDir();
    (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
    const child = denoCommand({
      args: [...CLI_ARGS, "write", "--json", "disk.vhdx"],
      cwd: dir.path,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new Uint8Array(MIB).fill(1));
    // A block is in the file as soon as there is something to be interrupted.
    while (Deno.statSync(dir.file("disk.vhdx")).size < 8 * MIB) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill("SIGTERM");
    const { code, stdout, stderr } = await child.output();
    await writer.abort().catch(() => {});
    const text = new TextDecoder();
    const failure = JSON.parse(text.decode(stdout));
    assertEquals(violations(failure), []);
    assertEquals([code, text.decode(stderr), failure.ok], [143, "", false]);
    assertEquals([failure.name, failure.path], ["Interruption", dir.file("disk.vhdx")]);
    assert(failure.state.startsWith("the image is sound; bytes 0 to "), failure.state);
  },
);

testWith(
  [tool("/usr/bin/python3"), pythonModule("jsonschema", "Draft202012Validator")],
  "the schema is one, and Python's validator takes what is printed and refuses what is not",
  async () => {
    using dir = new TempDir();
    await makeFiles(dir);
    const objects: Printed[] = [];
    for (const row of [...SUCCESSES.slice(0, 5), ...MISSING.slice(0, 3)]) {
      objects.push(...(await runJson(dir, row))[1]);
    }
    const [first = {}] = objects;
    const wrong = [{ ...first, path: "disk.vhdx" }, { ...first, schema: 2 }, {
      ...first,
      extra: 1,
    }];
    const file = dir.file("all.json");
    Deno.writeTextFileSync(file, JSON.stringify({ schema: SCHEMA, objects, wrong }));
    const script = "import json, sys, jsonschema\n" +
      "data = json.load(open(sys.argv[1]))\n" +
      "jsonschema.Draft202012Validator.check_schema(data['schema'])\n" +
      "validator = jsonschema.Draft202012Validator(data['schema'])\n" +
      "print([validator.is_valid(each) for each in data['objects'] + data['wrong']])\n";
    const expected = [...objects.map(() => "True"), ...wrong.map(() => "False")];
    const out = run("/usr/bin/python3", "-c", script, file);
    assertEquals(out.trim(), `[${expected.join(", ")}]`);
    assertEquals([...objects, ...wrong].map((each) => violations(each).length === 0), [
      ...objects.map(() => true),
      ...wrong.map(() => false),
    ]);
  },
);
