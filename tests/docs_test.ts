/** The command lines of the pages in docs/ do what the pages say: each of `virtdisk` is run, in its order. */
import { assert, assertEquals } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { runCli } from "./cli/run_cli.ts";
import { E2FSPROGS, fillAndEmpty, makeExt } from "./portable/filesystems/ext_images.ts";
import { ROOT, TempDir, testWith } from "./support.ts";

const MiB = 2 ** 20;
const SHELL = /^```sh\n([^]*?)^```$/gm;

testWith(E2FSPROGS, "the commands of docs/give-space-back.md give space back", async () => {
  using dir = new TempDir();
  const raw = dir.file("raw.img");
  makeExt(raw, 128 * MiB, "-t", "ext4", "-b", "4096");
  fillAndEmpty(dir, raw, { seed: 3, removed: 90 * MiB });
  const options = { source: raw, sourceType: "raw", backend: "portable" } as const;
  (await createVirtualDisk(dir.file("ext4.vhdx"), options)).close();
  const before = Deno.statSync(dir.file("ext4.vhdx")).size;
  const page = Deno.readTextFileSync(`${ROOT}/docs/give-space-back.md`);
  const lines = [...page.matchAll(SHELL)].flatMap(([, text]) => text!.trim().split("\n"));
  let run = 0;
  for (const line of lines.filter((each) => each.startsWith("virtdisk "))) {
    const { code, err } = await runCli(dir, line.split(" ").slice(1));
    assertEquals([code, err], [0, ""], line);
    run++;
  }
  assertEquals(run, 5);
  const [inPlace, anew] = ["ext4.vhdx", "small.vhdx"].map((name) =>
    Deno.statSync(dir.file(name)).size
  ) as [number, number];
  assert(inPlace <= before - 32 * MiB, `${inPlace} of ${before} bytes`);
  assert(anew < inPlace);
});
