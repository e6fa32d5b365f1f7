/** A command in a process that stays has the same outcome as in one of its own. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { areBundled, commandLineOf, makeBundle, runnable } from "../bundles.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { allStates } from "../sampling.ts";
import { circumstance, exists, keepFolder, onlyOn, ROOT, TempDir, testWith } from "../support.ts";
import { Residents } from "./residents.ts";

const FLAGS = ["--allow-read=.", "--allow-write=."];

/** Asks as a test of a sample does that has been given these processes. */
async function runWith(
  residents: Residents,
  folder: string,
  rows: readonly (readonly string[])[],
  { env = {}, flags = FLAGS, atOnce = false } = {},
) {
  const { stdout, stderr, code } = await denoCommand({
    args: [
      ...["eval", "--no-check", `--config=${ROOT}/deno.json`],
      `import { runResident } from ${JSON.stringify(import.meta.resolve("./residents.ts"))};
       const [folder, rows, flags, atOnce] = JSON.parse(Deno.args[0]);
       const run = (args) => runResident({ folder, flags, args });
       const outcomes = [];
       if (atOnce) outcomes.push(...await Promise.all(rows.map(run)));
       else for (const row of rows) outcomes.push(await run(row));
       console.log(JSON.stringify(outcomes.map((each) => each && [each.code, each.out, each.err])));`,
      JSON.stringify([folder, rows, flags, atOnce]),
    ],
    env: { VIRTDISK_STATES: "", VIRTDISK_BUNDLES: folder, ...residents.env, ...env },
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  return JSON.parse(text.decode(stdout)) as ([number, string, string] | null)[];
}

/** A command line that does what it is told. */
const MADE_UP = `let count = 0;
export async function main([name, ...rest]) {
  count++;
  if (name === "read") {
    // Among others what looks like the beginning of a mark.
    await Deno.stdout.write(new Uint8Array(3_000_000).fill(120));
    console.log("\\0");
    return 0;
  }
  if (name === "help") Deno.exit(7);
  if (name === "map") await Deno.stdin.readable.getReader().read();
  if (name === "info") await new Promise((resolve) => setTimeout(resolve, 200));
  if (name === "check") Deno.statSync("/");
  console.log("\\0out", rest.join(" "), count);
  console.error("err\\n");
  return 3;
}`;

const SOCKETS = onlyOn("linux", "darwin");

testWith([SOCKETS, allStates], "runResident() says what a command printed", async (t) => {
  using dir = new TempDir();
  using folder = new TempDir();
  Deno.writeTextFileSync(dir.file("main.js"), MADE_UP);
  await using residents = new Residents(dir.path, dir.file("main.js"), 3);
  const run = (rows: readonly (readonly string[])[], options = {}) =>
    runWith(residents, folder.path, rows, options);
  await t.step("one process runs one after the other", async () => {
    const rows = [["create", "a", "b"], ["merge"]];
    const expected = [[3, "\0out a b 1\n", "err\n\n"], [3, "\0out  2\n", "err\n\n"]];
    assertEquals(await run(rows), expected as [number, string, string][]);
    assertEquals(residents.count, 1);
  });
  await t.step("two at once are two processes, and other permissions another", async () => {
    const outcomes = await run([["info"], ["info"]], { atOnce: true });
    assertEquals(outcomes.map((each) => each![1]).sort(), ["\0out  1\n", "\0out  3\n"]);
    assertEquals((await run([["create"]], { flags: [] }))[0]![1], "\0out  1\n");
    assertEquals(residents.count, 3);
  });
  await t.step("if there are too many, that goes which nobody has used for longest", async () => {
    await run([["create"]]);
    assertEquals((await run([["create"]], { flags: ["--allow-read=."] }))[0]![1], "\0out  1\n");
    assertEquals(residents.count, 3);
    assertEquals((await run([["create"]], { flags: [] }))[0]![1], "\0out  2\n");
  });
  await t.step("there is no other permission than the flags give", async () => {
    const [outcome] = await run([["check"]], { flags: [] });
    assertEquals(outcome![0], 1);
    assertStringIncludes(outcome![2], "NotCapable");
  });
  await t.step("a process that ends is replaced, and one that would read fails", async () => {
    const [ended, next, reads] = await run([["help"], ["create"], ["map"]], { flags: [] });
    assertEquals([ended![0], next![1]], [7, "\0out  1\n"]);
    assertEquals(reads![0], 1);
    assertStringIncludes(reads![2], "locked");
  });
  await t.step("bytes come back as they are, however many", async () => {
    const [outcome] = await run([["read"]]);
    assertEquals([outcome![0], outcome![1].length, outcome![2]], [0, 3_000_002, ""]);
  });
  await t.step("nothing is run that reads its input, nor for all states", async () => {
    const rows = [["write", "a"], ["serve", "a"], ["convert", "-", "-"], ["convert", "-", "a"]];
    rows.push(["metadata", "--set", "b", "a"]);
    assertEquals(await run(rows), rows.map(() => null));
    assertEquals(await run([["create"]], { env: { VIRTDISK_STATES: "all" } }), [null]);
    assertEquals(await run([["create"]], { env: { VIRTDISK_BUNDLES: "" } }), [null]);
  });
  await t.step("a folder takes its processes with it", async () => {
    using other = new TempDir();
    assert(residents.count > 1);
    Deno.removeSync(folder.path, { recursive: true });
    await runWith(residents, other.path, [["create"]]);
    assertEquals(residents.count, 1);
    Deno.mkdirSync(folder.path);
  });
});

testWith(
  [onlyOn("linux", "darwin")],
  "keepFolder() has a later test get the folder, empty, until all have run",
  async () => {
    const keep = () => {
      using dir = new TempDir();
      keepFolder(dir.path);
      Deno.mkdirSync(dir.file("a/b"), { recursive: true });
      Deno.chmodSync(dir.path, 0o755);
      return dir.path;
    };
    const path = keep();
    {
      using next = new TempDir();
      assertEquals([next.path, [...Deno.readDirSync(path)]], [path, []]);
      assertEquals(Deno.statSync(path).mode! & 0o777, 0o700);
      using another = new TempDir();
      assert(another.path !== path);
    }
    const { stdout } = await denoCommand({
      args: [
        ...["eval", "--no-check", `--config=${ROOT}/deno.json`],
        `import { keepFolder, TempDir } from ${
          JSON.stringify(import.meta.resolve("../support.ts"))
        };
         const keep = ${keep};
         console.log(keep(), [...Deno.readDirSync(keep())].length);`,
      ],
    }).output();
    const [gone = "", count] = new TextDecoder().decode(stdout).trim().split(" ");
    assertEquals([count, exists(gone)], ["0", false]);
  },
);

/** Deno gets its bundler from npm. */
const bundler = circumstance(() => {
  if (areBundled()) return undefined;
  using dir = new TempDir();
  try {
    makeBundle("src/text/quoted.ts", dir.file("a.js"));
    return undefined;
  } catch {
    return "Deno cannot get its bundler";
  }
});

testWith(
  [onlyOn("linux", "darwin"), bundler],
  "runResident() runs the command line, with what it says of itself",
  async () => {
    using dir = new TempDir();
    using folder = new TempDir();
    // A sample has them already, and making them takes seconds.
    const made = dir.file("code.js");
    if (!areBundled()) makeBundle("src/cli/main.ts", made);
    const [program, code] = areBundled()
      ? [runnable("src/cli/main.ts"), commandLineOf(Deno.env.toObject())]
      : [made, made];
    await using residents = new Residents(dir.path, code);
    (await createImage(folder.file("disk.vhdx"), { size: 8 << 20 })).close();
    const rows = [["info", "--json", "disk.vhdx"], ["info", "none.vhdx"], ["check", "disk.vhdx"]];
    const own = await Promise.all(rows.map(async (args) => {
      const { code, stdout, stderr } = await denoCommand({
        args: ["run", "--no-prompt", ...FLAGS, program, ...args],
        cwd: folder.path,
        env: { NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder();
      return [code, text.decode(stdout), text.decode(stderr)];
    }));
    assertEquals(await runWith(residents, folder.path, rows), own as [number, string, string][]);
    assertEquals(own.map(([code]) => code), [0, 2, 0]);
    assertEquals(residents.count, 1);
  },
);
