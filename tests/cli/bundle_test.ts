/** The command line in one file, as users can make it: `deno bundle src/cli/main.ts -o virtdisk.js`. */
import { assert, assertEquals } from "@std/assert";
import { COMMANDS } from "../../src/cli/commands.ts";
import { denoCommand } from "../deno_command.ts";
import { IS_FULL } from "../sampling.ts";
import { circumstance, ROOT, TempDir, testWith } from "../support.ts";
import { makeBundle } from "../bundles.ts";

/** The bundle, or why there is none. */
const BUNDLE = makeItHere();
const bundler = circumstance(() => typeof BUNDLE === "string" ? BUNDLE : undefined);

/** Deno gets its bundler from npm, which may be out of reach; Wine does not start it. */
function makeItHere(): string | Uint8Array {
  // A sample starts the command line as one file wherever tests start it.
  if (!IS_FULL) return "for deno task test:full";
  if (Deno.build.os === "windows" && Deno.env.has("WINEPREFIX")) return "Wine starts no bundler";
  using dir = new TempDir();
  try {
    makeBundle("src/cli/main.ts", dir.file("virtdisk.js"));
    return Deno.readFileSync(dir.file("virtdisk.js"));
  } catch (error) {
    return `deno bundle does not work: ${(error as Error).message.split("\n")[0]}`;
  }
}

testWith(
  [bundler],
  "a bundle of the command line does what its modules do, with the permissions of the help",
  async (t) => {
    using dir = new TempDir();
    const program = dir.file("virtdisk.js");
    Deno.writeFileSync(program, BUNDLE as Uint8Array);
    /** With a program, in a folder of its own. */
    const run = async (path: string, folder: string, line: string) => {
      Deno.mkdirSync(dir.file(folder), { recursive: true });
      const { code, stdout, stderr } = await denoCommand({
        args: [
          "run",
          "--no-prompt",
          "--allow-read=.",
          "--allow-write=.",
          path,
          ...line.split(" "),
        ],
        cwd: dir.file(folder),
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output();
      const text = new TextDecoder();
      return { code, out: text.decode(stdout), err: text.decode(stderr) };
    };
    const id = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";
    for (
      const line of [
        `create --identifier ${id} disk.vhdx 8MiB`,
        "info --no-parents disk.vhdx",
        "convert --subtype fixed disk.vhdx disk.vhd",
        "compare disk.vhdx disk.vhd",
        "check disk.vhdx disk.vhd",
        "resize disk.vhdx 9MiB",
        "compact disk.vhdx",
        "free disk.vhd",
        "merge disk.vhdx",
        // Each loads all commands.
        "manual",
        "completions bash",
        "help",
      ]
    ) {
      await t.step(line, async () => {
        const bundled = await run(program, "bundle", line);
        const modules = await run(`${ROOT}/src/cli/main.ts`, "modules", line);
        assertEquals(withoutChance(bundled), withoutChance(modules));
        assert([0, 2].includes(bundled.code));
      });
    }
    await t.step("diagnose names the bundle in what it says to type", async () => {
      Deno.truncateSync(dir.file("bundle/disk.vhd"), 8 * 2 ** 20);
      const { code, out } = await run(program, "bundle", "diagnose disk.vhd");
      assertEquals(code, 1);
      assert(out.includes("virtdisk.js"), out);
    });
    assert(COMMANDS.size > 20);
  },
);

/** Identifiers and times, of which each image has its own, and where it and the program are. */
function withoutChance({ code, out, err }: { code: number; out: string; err: string }) {
  const text = (all: string) =>
    all.replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "GUID")
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME")
      .replaceAll(/[^\s"']*(?:virtdisk\.js|src\/cli\/main\.ts)/g, "PROGRAM")
      .replaceAll(/[^\s"']*[/\\](?:bundle|modules)[/\\]/g, "FOLDER/");
  return { code, out: text(out), err: text(err) };
}
