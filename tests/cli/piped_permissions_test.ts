/**
 * Every command without a terminal and without `--no-prompt`, as a script or a scheduled task runs it: a permission that
 * is missing ends it, with a word about the flag. Nobody is there to be asked, and it waits for nobody.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runnable } from "../bundles.ts";
import { createImage } from "../create_image.ts";
import { denoCommand } from "../deno_command.ts";
import { sampledRows } from "../sampling.ts";
import { TempDir } from "../support.ts";
import { COMMANDS, lesserGrants, makeFiles } from "./every_command.ts";

const MIB = 2 ** 20;
/** What reads standard input gets so much of it; to all others it says nothing, and does not end. */
const INPUT = "<bytes";

/** Runs a line of the table with these flags alone, its three streams pipes. */
async function piped(dir: TempDir, grants: readonly string[], line: string) {
  const words = line.split(" ").filter((word) => !/^[<>]/.test(word));
  const child = denoCommand({
    args: ["run", ...grants, runnable("src/cli/main.ts"), ...words],
    cwd: dir.path,
    env: { NO_COLOR: "1", TMPDIR: dir.path, TEMP: dir.path, TMP: dir.path },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    // A question would wait for ever.
    signal: AbortSignal.timeout(120_000),
  }).spawn();
  const input = child.stdin.getWriter();
  const closed = line.includes(INPUT)
    ? input.write(Deno.readFileSync(dir.file("bytes"))).then(() => input.close()).catch(() => {})
    : undefined;
  const { code, signal, stdout, stderr } = await child.output();
  await (closed ?? input.close().catch(() => {}));
  const text = new TextDecoder();
  // Lines end where the page does.
  return {
    code,
    signal,
    text: (text.decode(stderr) + text.decode(stdout)).replaceAll(/\s+/g, " "),
  };
}

/** What a command of the table would find, if those before it had run. */
async function makeImages(dir: TempDir, line: string): Promise<void> {
  await makeFiles(dir);
  const finds = (name: string) => line.includes(name) && !line.startsWith("create disk");
  if (!finds("disk") && !finds("child")) return;
  (await createImage(dir.file("disk.vhdx"), { size: 64 * MIB })).close();
  if (finds("copy") && finds("compare")) {
    Deno.copyFileSync(dir.file("disk.vhdx"), dir.file("copy.vhd"));
  }
  // By the time that others change the parent, the child has been merged.
  if (!finds("child") || finds("create")) return;
  (await createImage(dir.file("child.vhdx"), { parent: dir.file("disk.vhdx") })).close();
}

/** So many processes at once. */
const AT_ONCE = 4;

Deno.test("in a pipe every command that lacks a permission says which, and does not wait", async () => {
  const all = COMMANDS
    // Deno has no Unix sockets on Windows: there a disk is served at a port, or refused before a permission is asked for.
    .filter(({ line }) => Deno.build.os !== "windows" || !line.startsWith("serve"))
    .flatMap((command) => lesserGrants(command).map((fewer) => ({ ...command, fewer })));
  assert(all.length > 50);
  const rows = sampledRows(all, 9).values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (const { line, fewer, mayLackParents } of rows) {
      const what = `${line}, with ${fewer.join(" ") || "no flags"}`;
      using dir = new TempDir();
      await makeImages(dir, line);
      const files = () => [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();
      const before = files();
      const { code, signal, text } = await piped(dir, fewer, line);
      assertEquals(signal, null, `${what}: ${text}`);
      assertEquals(files(), before, `${what}: nothing was made, and nothing is left`);
      assert(!/Allow\?|\[y\/n|Deno requests/.test(text), `${what}: ${text}`);
      if (mayLackParents && code === 1) {
        assertMatch(text, /may not read; add --allow-read for its folder/, what);
        continue;
      }
      assertEquals(code, 2, `${what}: ${text}`);
      assertMatch(
        text,
        /: start virtdisk with --allow-[a-z]+, or install it again with that flag/,
        `${what}: ${text}`,
      );
    }
  }));
});
