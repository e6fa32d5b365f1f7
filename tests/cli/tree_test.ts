/** `info --tree`: the picture of chains, and that what it says to type does what it says. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { CreateOptions } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { contentsHash, openImage } from "../images.ts";
import { exists, onlyOn, run, TempDir, testWith, tool } from "../support.ts";
import { ordinaryUser, runCliAsUser } from "./as_user.ts";
import { runCli, runCliWith } from "./run_cli.ts";

const MIB = 2 ** 20;

/** An image with a block of its own. */
async function create(dir: TempDir, name: string, options: CreateOptions, seed = 1): Promise<void> {
  using disk = await createImage(dir.file(name), { type: "vhdx", ...options });
  disk.writeSync(new Uint8Array(512).fill(seed), seed * MIB);
}

/** A chain of three, and a fork. */
async function makeFolder(size = 64 * MIB): Promise<TempDir> {
  const dir = new TempDir();
  const child = (of: string) => ({ parent: dir.file(of) });
  await create(dir, "base.vhdx", { size }, 1);
  await create(dir, "one.avhdx", child("base.vhdx"), 2);
  await create(dir, "two.avhdx", child("one.avhdx"), 3);
  await create(dir, "fork.vhdx", { size }, 4);
  await create(dir, "left.avhdx", child("fork.vhdx"), 5);
  await create(dir, "right.avhdx", child("fork.vhdx"), 6);
  return dir;
}

/** Without what differs from run to run. */
function plain(text: string): string {
  return text.replaceAll(/file [0-9.]+ [KM]iB/g, "file SIZE")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "TIME");
}

Deno.test("info --tree draws parents, children, what each adds, and the leaf", async () => {
  using dir = await makeFolder();
  Deno.writeTextFileSync(dir.file("base.vhdx.rct"), "x");
  const { code, out, err } = await runCli(dir, ["info", "--tree", "."]);
  assertEquals([code, err], [0, ""]);
  const [picture = "", plans = ""] = plain(out).split("\n\nTo merge");
  assertEquals(
    picture,
    `.: 6 images in 2 chains

base.vhdx          VHDX dynamic, 64 MiB, holds 32 MiB, file SIZE, TIME
\`-- one.avhdx      VHDX child, 64 MiB, adds 512 bytes, file SIZE, TIME
    \`-- two.avhdx  VHDX child, 64 MiB, adds 512 bytes, file SIZE, TIME  <- leaf

base.vhdx.rct  change tracking of base.vhdx, for backups by Hyper-V

fork.vhdx        VHDX dynamic, 64 MiB, holds 32 MiB, file SIZE, TIME
|-- left.avhdx   VHDX child, 64 MiB, adds 512 bytes, file SIZE, TIME  <- leaf
\`-- right.avhdx  VHDX child, 64 MiB, adds 512 bytes, file SIZE, TIME  <- leaf`,
  );
  assertStringIncludes(
    plans.replaceAll(/\s+/g, " "),
    "two.avhdx, in this order: two.avhdx into one.avhdx, then one.avhdx into base.vhdx:",
  );
  assertStringIncludes(
    plans,
    "left.avhdx cannot be merged in place: its parent has other children.",
  );
  const one = await runCli(dir, ["info", "--tree", "one.avhdx"]);
  assertEquals([one.code, /fork|left/.test(one.out)], [0, false]);
  assertMatch(one.out, /one\.avhdx .*\(this file\)\n/);
  assertStringIncludes(one.out, "base.vhdx.rct");
});

testWith(
  [tool("sh")],
  "info --tree: the commands to merge make one image of a chain, which reads the same",
  async () => {
    using dir = await makeFolder(8 * MIB);
    const before = await hash(dir, "two.avhdx");
    const right = await hash(dir, "right.avhdx");
    const { out } = await runCli(dir, ["info", "--tree", "--json", "."]);
    const files = out.trim().split("\n").map((line) => JSON.parse(line));
    const plan = (name: string) => files.find(({ path }) => path === dir.file(name)).merge;
    assertEquals(
      plan("two.avhdx").order,
      ["two.avhdx", "one.avhdx", "base.vhdx"].map((name) => dir.file(name)),
    );
    assertEquals(plan("left.avhdx").order, [dir.file("left.avhdx")]);
    const [inPlace, anew] = plan("two.avhdx").commands;
    for (const command of [anew, inPlace, ...plan("right.avhdx").commands]) {
      // As it is typed, where nobody is asked.
      run(
        "sh",
        "-c",
        `cd '${dir.path}' && ${command.replace("deno run", `${Deno.execPath()} run --no-prompt`)}`,
      );
    }
    assertEquals(await hash(dir, "two-merged.vhdx"), before);
    assertEquals(await hash(dir, "base.vhdx"), before);
    assertEquals(await hash(dir, "right-merged.vhdx"), right);
    assertEquals([exists(dir.file("one.avhdx")), exists(dir.file("two.avhdx"))], [false, false]);
    const after = await runCli(dir, ["info", "--tree", "base.vhdx"]);
    assertEquals(after.code, 0);
  },
);

async function hash(dir: TempDir, name: string): Promise<string> {
  using disk = await openImage(dir.file(name), true);
  return contentsHash(disk);
}

Deno.test("info --tree ends with 1 if a link is broken, says why, and what to type heals it", async () => {
  using dir = await makeFolder();
  Deno.renameSync(dir.file("base.vhdx"), dir.file("renamed.vhdx"));
  Deno.writeTextFileSync(dir.file("junk.vhdx"), "junk");
  const { code, out } = await runCli(dir, ["info", "--tree", "."]);
  assertEquals(code, 1);
  assertMatch(out, /^\.: 7 images in 2 chains, 1 link broken, 1 file not readable\n/);
  const text = out.replaceAll(/[\s|]+/g, " ");
  assertMatch(
    text,
    /BROKEN LINK: the parent is not at ".*base\.vhdx" \(ERROR_VHD_PARENT_VHD_NOT_FOUND/,
  );
  assertMatch(
    text,
    /It is here: renamed\.vhdx deno run [^ ]+ [^ ]+ [^ ]+ rebase one\.avhdx renamed\.vhdx/,
  );
  assertMatch(text, /junk\.vhdx NOT READABLE: the file has no signature/);
  assertEquals((await runCli(dir, ["rebase", "one.avhdx", "renamed.vhdx"])).code, 0);
  Deno.removeSync(dir.file("junk.vhdx"));
  assertEquals((await runCli(dir, ["info", "--tree", "."])).code, 0);
  assertEquals((await runCli(dir, ["info", "--tree", "none.vhdx"])).code, 2);
  const clash = await runCli(dir, ["info", "--tree", "--no-parents", "."]);
  assertEquals(clash.code, 2);
  assertStringIncludes(clash.err, "--tree and --no-parents exclude each other");
});

Deno.test("info --tree says which folder it may not read, and asks for nothing", async () => {
  using dir = await makeFolder();
  const { code, out, err } = await runCliWith(dir, ["--allow-read=one.avhdx"], [
    "info",
    "--tree",
    "one.avhdx",
  ]);
  assertEquals([code, err], [1, ""]);
  assertMatch(
    out.replaceAll(/\s+/g, " "),
    /NOT KNOWN: the parent may be ".*base\.vhdx", which this program may not read; add --allow-read for its folder/,
  );
});

testWith(
  [ordinaryUser],
  "info --tree tells of files that a user may not read, and goes on",
  async () => {
    using dir = await makeFolder();
    Deno.chmodSync(dir.file("one.avhdx"), 0o000);
    const { code, out } = runCliAsUser(dir, ["info", "--tree", "."]);
    assertEquals(code, 1);
    const text = out.replaceAll(/\s+/g, " ");
    assertStringIncludes(text, "one.avhdx NOT READABLE: ");
    assertMatch(text, /two\.avhdx VHDX child.*BROKEN LINK: .*ERROR_VHD_PARENT_VHD_ACCESS_DENIED/);
    assertStringIncludes(text, "left.avhdx");
  },
);

testWith([onlyOn("linux")], "info --tree shows no name that a terminal would obey", async () => {
  using dir = new TempDir();
  await create(dir, "\x1b[2Jevil\n.vhdx", { size: 8 * MIB });
  await create(dir, "\u202echild.vhdx", { parent: dir.file("\x1b[2Jevil\n.vhdx") });
  const { code, out } = await runCli(dir, ["info", "--tree", "."]);
  assertEquals(code, 0);
  // deno-lint-ignore no-control-regex
  assert(!/[\x1b\u202e]/.test(out.split("To merge")[0]!), JSON.stringify(out));
  assertStringIncludes(out, String.raw`"\u001b[2Jevil\n.vhdx"`);
});
