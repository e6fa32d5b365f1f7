/** The command lines of the pages do what the pages say: each is run, in its order, and what it prints compared. */
import { assert, assertEquals } from "@std/assert";
import { parseArguments, parseOperands } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import * as faces from "@virtdisk/virtdisk";
import * as serve from "@virtdisk/virtdisk/serve";
import { runnable } from "../bundles.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { everySo, IS_FULL, sampledRows } from "../sampling.ts";
import { onlyOn, pattern, ROOT, TempDir, testWith, tool } from "../support.ts";
import { blocks, commandLines, FLAGS, page, pages, runBlock, runPage } from "./pages.ts";

const MiB = 2 ** 20;
const SHELL = [onlyOn("linux", "darwin"), tool("bash")];

/** Pages with a test of their own, in docs_test.ts: they need file systems or servers. */
const ELSEWHERE = ["docs/attach-anywhere.md", "docs/give-space-back.md", "docs/salvage.md"];

/** What the pages find in their folder. */
const PREPARED: Readonly<Record<string, (dir: TempDir) => Promise<void>>> = {
  "docs/open-and-inspect.md": async (dir) => {
    await makeDisk(dir.file("disk.vhdx"), 64 * MiB);
    using child = await createImage(dir.file("child.vhdx"), { parent: dir.file("disk.vhdx") });
    child.writeSync(new TextEncoder().encode("new bytes"), MiB);
  },
  "docs/convert-for-azure.md": async (dir) => {
    await makeDisk(dir.file("disk.vhdx"), 64 * MiB + 512);
    Deno.writeFileSync(dir.file("disk.img"), pattern(3 * MiB + 512));
    Deno.writeTextFileSync(
      dir.file("build-image.sh"),
      `#!/bin/sh\n[ -f "$1" ]\n`,
      { mode: 0o755 },
    );
  },
  "docs/crash-safety.md": () => Promise.resolve(),
  "docs/chains.md": (dir) => makeDisk(dir.file("base.vhdx"), 64 * MiB),
  "docs/json.md": async (dir) => {
    await makeDisk(dir.file("disk.vhdx"), 64 * MiB);
    (await createImage(dir.file("child.vhdx"), { parent: dir.file("disk.vhdx") })).close();
  },
};

/** Azure's programs: what they are told must be true of the file. */
const AZURE = {
  az: `case "$*" in
    *--upload-size-bytes*) case "$*" in *"--upload-size-bytes $(stat -c %s upload.vhd)"*) ;; *) exit 1 ;; esac ;;
    *grant-access*) echo "https://example.invalid/disk?sas" ;;
    *revoke-access*) ;;
    *) exit 1 ;;
  esac`,
  azcopy: `[ "$*" = "copy upload.vhd https://example.invalid/disk?sas --blob-type PageBlob" ]`,
};

async function makeDisk(path: string, size: number): Promise<void> {
  using disk = await createImage(path, { size });
  disk.writeSync(pattern(MiB), 0);
}

for (const [index, [path, prepare]] of Object.entries(PREPARED).entries()) {
  testWith(
    [...SHELL, ...everySo(5, index)],
    `${path}: its commands do and print what it says`,
    async () => {
      using dir = new TempDir();
      await prepare(dir);
      await runPage(dir, path, { standIns: AZURE });
    },
  );
}

Deno.test("docs/: every page with commands is run by a test", () => {
  const withCommands = pages().filter((path) =>
    blocks(page(path)).some(({ kind }) => kind === "sh")
  );
  assertEquals(withCommands, [...Object.keys(PREPARED), ...ELSEWHERE].sort());
});

Deno.test("docs/: the commands for Windows are command lines that virtdisk understands", async () => {
  const lines = pages().flatMap((path) =>
    blocks(page(path)).filter(({ kind }) => kind === "powershell").flatMap(commandLines)
  ).filter((line) => line.startsWith("virtdisk "));
  assert(lines.length >= 7, `${lines.length}`);
  for (const line of lines) await understand(line);
});

/** Throws if virtdisk does not understand a command line. */
async function understand(line: string): Promise<void> {
  const [, name, ...args] = line.replace(/\s+#.*/, "").split(/\s+/);
  const entry = COMMANDS.get(name!);
  assert(entry !== undefined, line);
  const { declaration } = (await entry.load()).default;
  const { operands } = parseArguments(name!, args, declaration.options);
  parseOperands(name!, operands, declaration.operands);
}

testWith(SHELL, "README.md: its commands do what it says", async () => {
  const shown = blocks(page("README.md"))
    .filter(({ kind, text }) => kind === "sh" && /^virtdisk /m.test(text));
  assertEquals(shown.length, 2);
  // The first one has two commands of the page of which the sample runs all.
  for (const block of sampledRows(shown, 2, 1)) {
    using dir = new TempDir();
    if (block.text.startsWith("alias")) {
      assert(block.text.startsWith(`alias virtdisk='deno run ${FLAGS} jsr:`), block.text);
      Deno.writeFileSync(dir.file("boot.bin"), pattern(MiB));
    } else {
      await PREPARED["docs/open-and-inspect.md"]!(dir);
    }
    const ssh = 'shift; exec sh -c "$*"';
    // Where files have no holes that can be found, a large disk of zeros takes seconds to be read.
    const text = IS_FULL ? block.text : block.text.replace(" 1GiB", " 64MiB");
    await runBlock(dir, `README, line ${block.line}`, { ...block, text }, { standIns: { ssh } });
  }
});

Deno.test("README.md: the table of equivalents names commands and functions that there are", async (t) => {
  const section = page("README.md").split("\n## ").find((each) => each.startsWith("If you know"))!;
  const rows = section.split("\n").filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|").map((cell) => cell.trim()));
  assert(rows.length >= 15, `${rows.length}`);
  const known: Record<string, unknown> = { ...faces, ...serve };
  for (const [, what, , , , command, call] of rows) {
    await t.step(what!, async () => {
      await understand(command!.replaceAll("`", ""));
      for (const [, prefix, name] of call!.matchAll(/`(disk\.)?(\w+)\(/g)) {
        const owner = prefix === undefined ? known : faces.PortableVirtualDisk.prototype;
        assert(name! in owner, call);
      }
    });
  }
});

Deno.test("README.md: the first script prints a sector, with the permission that is named", async () => {
  using dir = new TempDir();
  await makeDisk(dir.file("disk.vhdx"), 64 * MiB);
  const text = page("README.md");
  const script = blocks(text).find(({ kind }) => kind === "ts")!.text;
  const [, flags] = /`deno run (.*) read\.ts disk\.vhdx`/.exec(text)!;
  Deno.writeTextFileSync(dir.file("read.ts"), script);
  const args = ["run", "--no-prompt", "--no-check", "--config", `${ROOT}/deno.json`];
  const { stdout, stderr } = await denoCommand({
    args: [...args, ...flags!.split(" "), "read.ts", "disk.vhdx"],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const expected = `vhdx ${64 * MiB} ${pattern(512).toHex()}\n`;
  assertEquals([decoder.decode(stdout), decoder.decode(stderr)], [expected, ""]);
});

testWith([tool("qemu-img")], "README.md: what it says of qemu-img is true", async () => {
  using dir = new TempDir();
  const qemu = (...args: string[]) => {
    const options = { args, cwd: dir.path, stdin: "null" } as const;
    return new Deno.Command("qemu-img", options).outputSync().success;
  };
  for (const [format, extension] of [["vhdx", "vhdx"], ["vpc", "vhd"]] as const) {
    const parent = `parent.${extension}`;
    const child = `child.${extension}`;
    assert(qemu("create", "-f", format, parent, "64M"));
    assert(qemu("create", "-f", format, "-o", "subformat=fixed", `fixed.${extension}`, "64M"));
    assert(!qemu("create", "-f", format, "-b", parent, "-F", format, child), "makes children");
    assert(!qemu("resize", "-f", format, parent, "+64M"), "resizes");
    assertEquals(qemu("check", "-f", format, parent), format === "vhdx");
    {
      using disk = await faces.openVirtualDisk(dir.file(parent), {
        readOnly: false,
        backend: "portable",
      });
      disk.writeSync(pattern(MiB), 0);
    }
    (await createImage(dir.file(child), { parent: dir.file(parent) })).close();
    assertEquals(qemu("convert", "-f", format, "-O", "raw", child, "raw.img"), format === "vpc");
  }
  using file = Deno.openSync(dir.file("raw.img"));
  const start = new Uint8Array(MiB);
  file.readSync(start);
  assertEquals(start.findIndex((byte) => byte !== 0), -1, "shows the parent of a VHD");
});

testWith(SHELL, "docs/convert-for-azure.md: the workflow converts, and compares", async () => {
  using dir = new TempDir();
  await PREPARED["docs/convert-for-azure.md"]!(dir);
  const text = page("docs/convert-for-azure.md");
  const yaml = blocks(text).find(({ kind }) => kind === "yaml")!.text;
  const steps = [...yaml.matchAll(/^( *)(?:- )?run: (?:\|\n((?:\1 .*\n)+)|(.*)\n)/gm)]
    .map(([, , several, one]) => (several ?? one!).trim());
  assertEquals(steps.length, 2);
  const main = runnable("src/cli/main.ts");
  const script = steps.join("\n").replaceAll("jsr:@virtdisk/virtdisk/cli", `"${main}"`);
  const { code, stderr } = await new Deno.Command("bash", {
    // As GitHub runs a step.
    args: ["--noprofile", "--norc", "-eo", "pipefail", "-c", script],
    cwd: dir.path,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertEquals(Deno.statSync(dir.file("upload.vhd")).size, 4 * MiB + 512);
});
