import { toFileUrl } from "@std/path";
import { assertEquals, assertMatch } from "@std/assert";
import { createImage } from "./create_image.ts";
import { denoCommand } from "./deno_command.ts";
import { runnable } from "./bundles.ts";
import { ROOT, TempDir } from "./support.ts";

/** Runs a script with the given flags alone; gives what it prints, or its error. */
function script(dir: TempDir, flags: string[], code: string): string {
  const path = dir.file("script.ts");
  const module = JSON.stringify(toFileUrl(runnable("mod.ts")).href);
  Deno.writeTextFileSync(
    path,
    `import { createVirtualDisk, openVirtualDiskSync } from ${module};\n${code}`,
  );
  const { stdout, stderr } = denoCommand({
    args: ["run", "--no-prompt", "--no-check", "--config", `${ROOT}/deno.json`, ...flags, path],
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0" },
  }).outputSync();
  const text = new TextDecoder();
  return text.decode(stdout).trim() || text.decode(stderr).trim();
}

const open = (path: string) =>
  `using disk = openVirtualDiskSync(${JSON.stringify(path)}, { backend: "portable" });
   console.log(disk.readSync(new Uint8Array(512), 0), disk.information().size.virtualSize);`;

Deno.test("importing needs no permission and does nothing", () => {
  using dir = new TempDir();
  assertEquals(script(dir, [], `console.log(typeof createVirtualDisk)`), "function");
});

Deno.test("the portable backend opens with --allow-read of the image alone", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  (await createImage(path, { size: 3 << 20 })).close();
  assertEquals(script(dir, [`--allow-read=${path}`], open(path)), "512 3145728");
});

Deno.test("without permission to read, Deno.errors.NotCapable passes through", async () => {
  using dir = new TempDir();
  const path = dir.file("disk.vhdx");
  (await createImage(path, { size: 3 << 20 })).close();
  assertMatch(script(dir, [], open(path)), /NotCapable: Requires read access/);
  const write = `openVirtualDiskSync(${
    JSON.stringify(path)
  }, { backend: "portable", readOnly: false });`;
  assertMatch(script(dir, [`--allow-read=${path}`], write), /NotCapable: Requires write access/);
});

Deno.test("a parent needs --allow-read too, and is named where it lacks it", async () => {
  using dir = new TempDir();
  const base = dir.file("base.vhdx");
  const child = dir.file("child.vhdx");
  (await createImage(base, { size: 3 << 20 })).close();
  (await createImage(child, { parent: base })).close();
  assertEquals(script(dir, [`--allow-read=${child},${base}`], open(child)), "512 3145728");
  const refused = script(dir, [`--allow-read=${child}`], open(child));
  assertMatch(refused, /NotCapable: Requires read access to ".*base\.vhdx"/);
});

Deno.test("creating needs to read and write the folder, and no more", () => {
  using dir = new TempDir();
  const create = `(await createVirtualDisk(${
    JSON.stringify(dir.file("new.vhdx"))
  }, { size: 3145728, backend: "portable" })).close();
    console.log("created");`;
  const both = [`--allow-read=${dir.path}`, `--allow-write=${dir.path}`];
  assertEquals(script(dir, both, create), "created");
  Deno.removeSync(dir.file("new.vhdx"));
  assertMatch(
    script(dir, [`--allow-read=${dir.path}`], create),
    /NotCapable: Requires write access/,
  );
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["script.ts"]);
});
