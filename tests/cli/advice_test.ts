/** What a command advises can be done at a shell, and helps. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { createImage } from "../create_image.ts";
import { TempDir } from "../support.ts";
import { runCli } from "./run_cli.ts";

const MIB = 1 << 20;

/** Children one and two of `base.vhdx`, `orphan.vhdx` whose parent went away, and no image: `file.img`. */
async function makeFiles(dir: TempDir): Promise<void> {
  const parent = dir.file("base.vhdx");
  const lost = dir.file("lost.vhdx");
  for (const path of [parent, lost]) (await createImage(path, { size: 4 * MIB })).close();
  (await createImage(dir.file("one.vhdx"), { parent })).close();
  (await createImage(dir.file("two.vhdx"), { parent })).close();
  (await createImage(dir.file("orphan.vhdx"), { parent: lost })).close();
  Deno.renameSync(lost, dir.file("found.vhdx"));
  Deno.writeFileSync(dir.file("file.img"), new Uint8Array(4096).fill(1));
}

Deno.test("advice names what the command line has", async (t) => {
  using dir = new TempDir();
  await makeFiles(dir);
  const rows: [args: string[], ...advice: string[]][] = [
    [["compare", "file.img", "base.vhdx"], "--type-a, `raw`"],
    [["compare", "base.vhdx", "file.img"], "--type-b, `raw`"],
    [["convert", "file.img", "new.vhd"], "--source-type, `raw`"],
  ];
  for (const [args, ...advice] of rows) {
    await t.step(args.join(" "), async () => {
      const { out, err } = await runCli(dir, args);
      for (const words of advice) assertStringIncludes(out + err, words);
    });
  }
});
