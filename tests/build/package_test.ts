/** The package as it is published. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { buildPackage } from "../../build/package.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import { circumstance, exists, ROOT, TempDir, testWith } from "../support.ts";

/** The package, or why there is none. */
const PACKAGE = makeIt();
const builder = circumstance(() => typeof PACKAGE === "string" ? PACKAGE : undefined);

/** Deno gets its bundler from npm, which may be out of reach; Wine does not start it. */
function makeIt(): string | TempDir {
  if (Deno.build.os === "windows" && Deno.env.has("WINEPREFIX")) return "Wine starts no bundler";
  const dir = new TempDir();
  try {
    buildPackage(dir.file("package"));
    return dir;
  } catch (error) {
    dir[Symbol.dispose]();
    return `deno bundle does not work: ${(error as Error).message.split("\n")[0]}`;
  }
}

async function run(args: readonly string[], cwd: string, env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await denoCommand({
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

testWith([builder], "buildPackage() makes the package as it is published", async (t) => {
  using dir = PACKAGE as TempDir;
  const folder = dir.file("package");
  const main = `${folder}/cli/main.ts`;
  const source = join(ROOT, "src/cli/main.ts");

  await t.step("the command line is two files, where its modules are hundreds", async () => {
    const files = async (path: string) => {
      const { out } = await run(["info", "--json", path], folder);
      const { modules } = JSON.parse(out) as { modules: { specifier: string }[] };
      return modules.map(({ specifier }) => specifier).filter((each) => each.startsWith("file:"));
    };
    const expected = ["code.js", "main.ts"].map((name) => toFileUrl(`${folder}/cli/${name}`).href);
    assertEquals((await files(main)).sort(), expected);
    assert((await files(source)).length > 200);
  });

  await t.step(
    "it needs nothing of Node's at the start, which every command would wait for",
    () => {
      const code = Deno.readTextFileSync(`${folder}/cli/code.js`);
      assertEquals(code.match(/^import\b.*$/gm), null);
    },
  );

  await t.step("it does what its modules do, and tells what to type", async () => {
    (await createImage(dir.file("disk.vhdx"), { size: 8 << 20 })).close();
    (await createImage(dir.file("cut.vhd"), { size: 8 << 20, subtype: "fixed" })).close();
    Deno.truncateSync(dir.file("cut.vhd"), 8 << 20);
    const lines = ["info disk.vhdx", "info --json disk.vhdx", "diagnose cut.vhd", "nothing"];
    for (const line of sampledRows(lines, 2)) {
      const [built, modules] = await Promise.all([main, source].map(async (program) => {
        const flags = ["--no-prompt", "--allow-read=.", "--allow-write=."];
        const given = await run(["run", ...flags, program, ...line.split(" ")], dir.path);
        const text = JSON.stringify(given).replaceAll(program, "PROGRAM");
        return { code: given.code, text };
      }));
      assertEquals(built, modules, line);
      if (line.startsWith("diagnose")) assertMatch(built!.text, /PROGRAM/);
    }
  });

  await t.step("it has what the configuration names, and all its entry points", () => {
    const read = (path: string) => JSON.parse(Deno.readTextFileSync(`${path}/deno.json`));
    const { exports, publish, ...rest } = read(folder);
    const { exports: own, publish: { include, exclude }, ...others } = read(ROOT);
    assertEquals(rest, others);
    assertEquals(exports, { ...own, "./cli": "./cli/main.ts" });
    assertEquals(publish, { include: [...include, "cli/"], exclude });
    for (const path of [...Object.values<string>(exports), ...publish.include]) {
      assert(Deno.statSync(`${folder}/${path}`), path);
    }
    for (const path of exclude) assertEquals(exists(`${folder}/${path}`), false, path);
  });

  await t.step("what is there is not overwritten", async () => {
    const { code, err } = await run(["run", "-A", join(ROOT, "build/package.ts"), folder], ROOT);
    assertEquals(code, 1);
    assertMatch(err, /is not empty/);
  });
});
