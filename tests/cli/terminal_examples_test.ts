/**
 * What the helps name and say, on a pseudo-terminal: their examples, their width, and bytes that are not drawn there.
 */
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { declarations } from "../../src/cli/declaration.ts";
import { createImage } from "../create_image.ts";
import { openImage } from "../images.ts";
import { MemoryDisk } from "../portable/partitions/partition_builder.ts";
import { sampledRows } from "../sampling.ts";
import { ROOT, run, TempDir, testWith } from "../support.ts";
import {
  assertDrawn,
  DECLARATIONS,
  denoRun,
  ERASE_LINE,
  ERASE_REST,
  grantsOf,
  NEEDS,
  onTerminal,
} from "./on_terminal.ts";
import { runCli } from "./run_cli.ts";

const MIB = 2 ** 20;
const METADATA_ID = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";

/** The files that the examples of the commands name. */
async function makeExampleFiles(dir: TempDir): Promise<void> {
  for (const name of ["boot.bin", "note.txt"]) Deno.writeTextFileSync(dir.file(name), "boot");
  // With a hole, so that a copy takes no time.
  Deno.writeFileSync(dir.file("disk.img"), new Uint8Array(0));
  Deno.truncateSync(dir.file("disk.img"), 64 * MIB);
  {
    using disk = await createImage(dir.file("disk.vhdx"), { size: 64 * MIB });
    const table = new MemoryDisk(64 * MIB / 512);
    table.gpt([2048, 8191]);
    disk.writeSync(table.bytes, 0);
    disk.metadata.set(METADATA_ID, new TextEncoder().encode("note"));
  }
  (await createImage(dir.file("disk.vhd"), { size: 8 * MIB })).close();
  (await createImage(dir.file("copy.vhd"), { size: 64 * MIB })).close();
  (await createImage(dir.file("base.vhdx"), { size: 64 * MIB })).close();
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("base.vhdx") })).close();
  (await createImage(dir.file("broken.vhdx"), { size: 64 * MIB, subtype: "fixed" })).close();
  Deno.truncateSync(dir.file("broken.vhdx"), 20 * MIB);
  Deno.mkdirSync(dir.file("moved"));
  Deno.copyFileSync(dir.file("base.vhdx"), dir.file("moved/base.vhdx"));
}

testWith(NEEDS, "the examples of a help run, with the permissions that it names", async (t) => {
  using original = new TempDir();
  await makeExampleFiles(original);
  const terminal = { name: "wide", columns: 200, noColor: true };
  const all = [...DECLARATIONS.values()].flatMap(({ examples, statuses }) =>
    examples.map(([line]) => ({ line, statuses }))
  );
  for (const { line, statuses } of sampledRows(all, 12)) {
    await t.step(line, async () => {
      using dir = new TempDir();
      run("cp", "-R", `${original.path}/.`, dir.path);
      const shellLine = `${denoRun(false, grantsOf(line))} ${line}`;
      const { code, text } = await onTerminal(dir, shellLine, terminal);
      assert(code === 0 || code === 1 && statuses?.[1] !== undefined, text);
      assertDrawn(text, terminal);
    });
  }
});

Deno.test("the examples of commands for Windows alone are understood", async (t) => {
  using dir = new TempDir();
  for (const [name, , { examples }] of await declarations(COMMANDS)) {
    if (DECLARATIONS.has(name)) continue;
    for (const [line] of examples) {
      await t.step(line, async () => {
        // Without the permission, on Windows too, so that nothing is attached there.
        const { code, out, err } = await runCli(dir, line.split(" "));
        assertEquals([code, out], [2, ""]);
        assert(/only Windows attaches|--allow-ffi/.test(err), err);
      });
    }
  }
});

testWith(NEEDS, "a help is as wide as the terminal", async (t) => {
  using dir = new TempDir();
  for (const columns of sampledRows([60, 80, 200], 2)) {
    await t.step(`${columns} columns`, async () => {
      const { text } = await onTerminal(dir, `${denoRun(false, [])} create --help`, {
        name: "",
        columns,
      });
      const [prose = ""] = text.replaceAll("\r", "").split("\n\nExamples:");
      const longest = Math.max(...prose.split("\n").map((line) => line.length));
      assert(longest < Math.min(columns, 101) && longest > Math.min(columns, 101) - 20, text);
    });
  }
});

testWith(
  NEEDS,
  "map draws a disk as wide as the terminal, in characters that tell it without colours",
  async (t) => {
    using dir = new TempDir();
    await makeExampleFiles(dir);
    {
      using child = await openImage(dir.file("child.vhdx"));
      child.writeSync(new Uint8Array(9 * MIB).fill(1), 5 * MIB);
    }
    // deno-lint-ignore no-control-regex
    const style = /\x1b\[[0-9;]*m/g;
    const progress = new RegExp(
      `\r[^\r\n]*?${RegExp.escape(ERASE_REST)}|\r?${RegExp.escape(ERASE_LINE)}`,
      "g",
    );
    for (const columns of sampledRows([20, 59, 60, 80, 200], 5)) {
      await t.step(`${columns} columns`, async () => {
        const [colored = "", plain = ""] = await Promise.all([false, true].map(async (noColor) => {
          const line = `${denoRun(false, ["--allow-read=."])} map child.vhdx`;
          const { code, text } = await onTerminal(dir, line, { name: "", columns, noColor });
          assertEquals(code, 0, text);
          return text.replaceAll(progress, "").replaceAll("\r\n", "\n");
        }));
        assertEquals([
          colored.includes("\x1b[48") || colored.includes(";48;5;"),
          plain.includes("\x1b"),
        ], [true, false]);
        assertEquals(colored.replaceAll(style, ""), plain);
        // deno-lint-ignore no-control-regex
        assertEquals(/[^\x0a\x20-\x7e]/.exec(plain), null);
        const lengths = plain.split("\n").map((each) => each.length);
        assert(Math.max(...lengths) < columns, plain);
        const rows = plain.split("\n").filter((each) =>
          /^(?: *[0-9.]+ [KMG]iB |^ *0 bytes )?[#+.]+$/.test(each)
        );
        assertEquals(Math.max(...rows.map((each) => each.length)), columns - 1, plain);
        assert(rows.length > 1 && rows.length <= 17, plain);
        assert(
          rows.some((row) => row.includes("#")) && rows.some((row) => row.includes(".")),
          plain,
        );
      });
    }
  },
);

testWith(NEEDS, "the demo asks for nothing on a terminal", async () => {
  using dir = new TempDir();
  const terminal = { name: "that could ask", columns: 80, mayAsk: true };
  const task = `${Deno.execPath()} task --cwd ${ROOT} -q demo`;
  const { code, text } = await onTerminal(dir, task, terminal);
  assertEquals(code, 0, text);
  assertDrawn(text, terminal);
});

testWith(NEEDS, "bytes are not drawn on a terminal, and not waited for there", async (t) => {
  using dir = new TempDir();
  const terminal = { name: "wide", columns: 200, noColor: true };
  const deno = denoRun(false, ["--allow-read=.", "--allow-write=."]);
  (await createImage(dir.file("disk.vhdx"), { size: 8 * MIB })).close();
  const out = "standard output is a terminal, which these bytes would garble\r\n" +
    "Add `| xxd` to look at them, or `> FILE` to keep them.\r\n";
  const input = "standard input is a terminal, so the bytes would have to be typed\r\n" +
    "Add `< FILE`, or begin with `PROGRAM |`.\r\n";
  const rows: [line: string, code: number, text: string][] = [
    ["read disk.vhdx", 2, `virtdisk: read: ${out}`],
    ["read --length 4 disk.vhdx 2>bar | od -An -tx1", 0, " 00 00 00 00\r\n"],
    ["convert --type vhd disk.vhdx -", 2, `virtdisk: convert: ${out}`],
    ["convert - new.vhdx", 2, `virtdisk: convert: ${input}`],
    ["write disk.vhdx", 2, `virtdisk: write: ${input}`],
    [`metadata --set ${METADATA_ID} disk.vhdx`, 2, `virtdisk: metadata: ${input}`],
    [`metadata --get ${METADATA_ID} disk.vhdx`, 2, `virtdisk: metadata: ${out}`],
  ];
  for (const [line, code, text] of sampledRows(rows, 3)) {
    await t.step(line, async () => {
      assertEquals(await onTerminal(dir, `${deno} ${line}`, terminal), { code, text });
    });
  }
});
