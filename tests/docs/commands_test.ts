/** The command lines of the pages do what the pages say: each is run, in its order, and what it prints compared. */
import { assert, assertEquals } from "@std/assert";
import { parseArguments, parseOperands } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { createImage } from "../create_image.ts";
import { onlyOn, pattern, TempDir, testWith, tool } from "../support.ts";
import { blocks, commandLines, page, pages, runPage } from "./pages.ts";

const MiB = 2 ** 20;
const SHELL = [onlyOn("linux", "darwin"), tool("bash")];

/** Pages with a test of their own, in docs_test.ts: they need file systems or servers. */
const ELSEWHERE = ["docs/attach-anywhere.md", "docs/give-space-back.md"];

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
  "docs/chains.md": (dir) => makeDisk(dir.file("base.vhdx"), 64 * MiB),
  "docs/crash-safety.md": () => Promise.resolve(),
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

for (const [path, prepare] of Object.entries(PREPARED)) {
  testWith(SHELL, `the commands of ${path} do and print what it says`, async () => {
    using dir = new TempDir();
    await prepare(dir);
    await runPage(dir, path, { standIns: AZURE });
  });
}

Deno.test("every page with commands is run by a test", () => {
  const withCommands = pages().filter((path) =>
    blocks(page(path)).some(({ kind }) => kind === "sh")
  );
  assertEquals(withCommands, [...Object.keys(PREPARED), ...ELSEWHERE].sort());
});

Deno.test("the commands for Windows on the pages are command lines that virtdisk understands", async () => {
  let seen = 0;
  for (const path of [...pages(), "README.md"]) {
    for (const block of blocks(page(path)).filter(({ kind }) => kind === "powershell")) {
      for (const line of commandLines(block)) {
        const [program, name, ...args] = line.replace(/\s+#.*/, "").split(/\s+/);
        if (program !== "virtdisk") continue;
        const entry = COMMANDS.get(name!);
        assert(entry !== undefined, `${path}: ${line}`);
        const { declaration } = (await entry.load()).default;
        // Both throw if they do not understand it.
        const { operands } = parseArguments(name!, args, declaration.options);
        parseOperands(name!, operands, declaration.operands);
        seen++;
      }
    }
  }
  assert(seen >= 7, `${seen}`);
});

testWith(SHELL, "the workflow in docs/convert-for-azure.md converts, and compares", async () => {
  using dir = new TempDir();
  await PREPARED["docs/convert-for-azure.md"]!(dir);
  const text = page("docs/convert-for-azure.md");
  const yaml = blocks(text).find(({ kind }) => kind === "yaml")!.text;
  const steps = [...yaml.matchAll(/^( *)(?:- )?run: (?:\|\n((?:\1 .*\n)+)|(.*)\n)/gm)]
    .map(([, , several, one]) => (several ?? one!).trim());
  assertEquals(steps.length, 2);
  const main = new URL("../../src/cli/main.ts", import.meta.url).pathname;
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
