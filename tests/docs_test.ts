/** The command lines of the pages in docs/ do what the pages say: each of `virtdisk` is run, in its order. */
import { assert, assertEquals } from "@std/assert";
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { runCli } from "./cli/run_cli.ts";
import { serving } from "./cli/serving.ts";
import { E2FSPROGS, fillAndEmpty, makeExt } from "./portable/filesystems/ext_images.ts";
import { runPage } from "./docs/pages.ts";
import { contentsHash } from "./images.ts";
import { runClient } from "./serve/client.ts";
import { onlyOn, pattern, ROOT, TempDir, testWith, tool } from "./support.ts";

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

testWith(
  E2FSPROGS,
  "the commands of docs/salvage.md save what is left, and print what it says",
  async () => {
    using dir = new TempDir();
    const raw = dir.file("raw.img");
    makeExt(raw, 64 * MiB, "-t", "ext4", "-b", "4096");
    fillAndEmpty(dir, raw, { seed: 3 });
    const options = { source: raw, sourceType: "raw", backend: "portable" } as const;
    const cut = dir.file("ext4.vhdx");
    (await createVirtualDisk(cut, { ...options, subtype: "fixed" })).close();
    Deno.truncateSync(cut, Deno.statSync(cut).size - 8 * MiB);
    const headless = dir.file("headless.vhdx");
    (await createVirtualDisk(headless, { ...options, blockSize: MiB })).close();
    Deno.removeSync(raw);
    {
      using file = Deno.openSync(headless, { write: true });
      file.seekSync(2 * MiB, Deno.SeekMode.Start);
      file.writeSync(new Uint8Array(MiB));
    }
    await runPage(dir, "docs/salvage.md", {
      standIns: { e2fsck: 'exec /usr/sbin/e2fsck "$@" 2>&1' },
    });
  },
);

/** The clients that the page names and that need neither root nor a machine to boot. */
const CLIENTS = ["nbdinfo", "nbdcopy", "qemu-img"];

testWith(
  [onlyOn("linux", "darwin"), ...CLIENTS.map(tool)],
  "the commands of docs/attach-anywhere.md serve a chain, and copy it",
  async () => {
    using dir = new TempDir();
    const options = { backend: "portable" } as const;
    const parent = dir.file("base.vhdx");
    {
      using base = await createVirtualDisk(parent, { ...options, size: 8 * MiB });
      base.writeSync(pattern(MiB), MiB);
    }
    using child = await createVirtualDisk(dir.file("child.vhdx"), { ...options, parent });
    child.writeSync(pattern(MiB, 1), 3 * MiB);
    child.close();
    const page = Deno.readTextFileSync(`${ROOT}/docs/attach-anywhere.md`);
    const lines = [...page.matchAll(SHELL)].flatMap(([, text]) => text!.trim().split("\n"));
    const serve = lines.find((line) => line.startsWith("virtdisk serve "))!;
    const clients = lines.filter((line) => CLIENTS.includes(line.split(" ")[0]!));
    assertEquals(clients.length, 4);
    const { code, errors } = await serving(dir, serve.split(" ").slice(2), async () => {
      const uri = lines.find((line) => line.startsWith("URI="))!;
      for (const line of clients) {
        await runClient("sh", "-ec", `cd ${dir.path}; ${uri}; ${line}`);
      }
    });
    assertEquals([code, errors], [0, ""]);
    using disk = await openVirtualDisk(dir.file("child.vhdx"), options);
    using copy = await openVirtualDisk(dir.file("disk.img"), { ...options, type: "raw" });
    assertEquals(contentsHash(copy), contentsHash(disk));
    await runClient("qemu-img", "compare", dir.file("disk.qcow2"), dir.file("disk.img"));
  },
);
