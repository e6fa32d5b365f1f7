/** docs/permissions.md is exact: each call works with the flags beside it, and fails with one less. */
import { assert, assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import { runnable } from "../bundles.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import { ROOT, TempDir } from "../support.ts";
import { withOneLess } from "../one_less.ts";
import { page } from "./pages.ts";

const MiB = 2 ** 20;
const ROW = /^\| ([^|]+?) +\| `([^|]+)` +\| (`--[^|]+`) +\|$/gm;

/** Functions that touch no file. */
const NEED_NOTHING = ["parseSize"];

async function makeFolder(): Promise<TempDir> {
  const dir = new TempDir();
  const [disk, child, copy] = ["disk.vhdx", "child.vhdx", "copy.vhdx"].map((name) =>
    dir.file(name)
  );
  (await createImage(disk!, { size: 8 * MiB })).close();
  (await createImage(child!, { parent: disk! })).close();
  (await createImage(copy!, { size: 8 * MiB })).close();
  Deno.mkdirSync(dir.file("out"));
  return dir;
}

/** Runs a call with flags alone; gives the name of the error, or "done". */
async function outcome(call: string, flags: readonly string[]): Promise<string> {
  using dir = await makeFolder();
  const [portable, serve] = ["portable.ts", "serve.ts"].map((module) =>
    JSON.stringify(toFileUrl(runnable(module)).href)
  );
  Deno.writeTextFileSync(
    dir.file("script.ts"),
    `import * as portable from ${portable};
     import * as serve from ${serve};
     const names = { ...portable, ...serve };
     const call = new Function(...Object.keys(names), ${JSON.stringify(`return ${call};`)});
     try {
       await call(...Object.values(names));
       console.log("done");
     } catch (error) {
       console.log(error.name);
     }
     Deno.exit();`,
  );
  const { stdout, stderr } = await denoCommand({
    args: ["run", "--no-prompt", "--no-check", "--config", `${ROOT}/deno.json`, ...flags]
      .concat(dir.file("script.ts")),
    cwd: dir.path,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  return text.decode(stdout).trim() || text.decode(stderr);
}

Deno.test("docs/permissions.md: each call works with its flags, and with no one less", async (t) => {
  const all = [...page("docs/permissions.md").matchAll(ROW)];
  assert(all.length >= 15, `${all.length}`);
  // Each row is several processes, of which each takes Wine seconds.
  const rows = Deno.build.os === "windows"
    ? all.filter((_, at) => at % 9 === 0)
    : sampledRows(all, 4);
  for (const [index, [, what, call, written]] of rows.entries()) {
    await t.step(what!, async () => {
      const flags = written!.replaceAll("`", "").split(" ");
      assertEquals(await outcome(call!, flags), "done", `${call} with ${written}`);
      await Promise.all(
        sampledRows(withOneLess(flags), 3, index).map(async (less) => {
          const error = await outcome(call!, less);
          assertEquals(
            error,
            "NotCapable",
            `${call} with ${less.join(" ") || "no flags"}: ${error}`,
          );
        }),
      );
    });
  }
});

Deno.test("docs/permissions.md: every operation of the two modules that need permissions has a row", async () => {
  const calls = [...page("docs/permissions.md").matchAll(ROW)].map(([, , call]) => call!);
  const exported = Object.entries({
    ...await import("../../portable.ts"),
    ...await import("../../serve.ts"),
  });
  const operations = exported.filter(([name, value]) =>
    typeof value === "function" && /^[a-z]/.test(name)
  )
    .map(([name]) => name).filter((name) => !NEED_NOTHING.includes(name));
  assert(operations.length >= 10, `${operations}`);
  const untold = operations.filter((name) =>
    !calls.some((call) => call.includes(`${name.replace(/Sync$/, "")}(`))
  );
  assertEquals(untold, []);
});
