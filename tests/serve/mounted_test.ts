/** The server is killed under a file system that Linux has mounted: what was synced is there. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { convertVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { Random } from "../fuzz/random.ts";
import { fuse, OWN_MOUNTS, ownMounts } from "../mounting.ts";
import { everySo, explored, sampledRounds } from "../sampling.ts";
import { assertBytesEqual, pattern, ROOT, run, TempDir, testWith, tool } from "../support.ts";

const KILLS = sampledRounds(15);
const SEED = 2026;
const SIZE = 64 * 2 ** 20;

const DISKS = [
  { type: "vhd", blockSize: 2 ** 19, qemuFormat: "vpc" },
  { type: "vhdx", blockSize: 2 ** 20, qemuFormat: "vhdx" },
] as const;
const PROGRAMS = ["unshare", "losetup", "nbdfuse", "mkfs.ext4", "e2fsck", "debugfs", "qemu-img"];

/** What a synced file holds. */
interface Content {
  readonly length: number;
  readonly seed: number;
}

/** What is known of each file: its content, that it is not there, or nothing. */
type Files = Map<string, Content | "gone">;

for (const [i, { type, blockSize, qemuFormat }] of DISKS.entries()) {
  testWith(
    [...PROGRAMS.map(tool), fuse, ownMounts, ...everySo(2, i)],
    `serveVirtualDisk: an ext4 on a served ${type} loses no synced file when the server is killed`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      await makeDisk(dir, path, { type, blockSize });
      for (const folder of ["nbd", "mounted"]) Deno.mkdirSync(dir.file(folder));
      const random = new Random(SEED);
      const files: Files = new Map();
      let synced = 0;
      for (let life = 0; life < KILLS; life++) {
        synced += await live(dir, path, { seed: random.below(2 ** 30), life, files });
        assertSound(dir, path, qemuFormat, files);
      }
      explored(`an ext4 on a served ${type}, ${synced} files synced`, { kills: KILLS });
      assertGreater(synced, 0);
      using disk = await openVirtualDisk(path);
      const { findings } = await disk.check();
      assertEquals(findings.filter(({ severity }) => severity !== "info"), []);
    },
  );
}

async function makeDisk(
  dir: TempDir,
  path: string,
  options: { type: "vhd" | "vhdx"; blockSize: number },
): Promise<void> {
  const raw = dir.file("new.raw");
  run("truncate", "-s", `${SIZE}`, raw);
  run("mkfs.ext4", "-q", raw);
  await convertVirtualDisk(raw, path, { sourceType: "raw", ...options });
  Deno.removeSync(raw);
}

/** Mounts, writes and kills once; gives how many files were synced. */
async function live(
  dir: TempDir,
  path: string,
  { seed, life, files }: { seed: number; life: number; files: Files },
): Promise<number> {
  const child = new URL("children/mounted.ts", import.meta.url).pathname;
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [
      ...[...OWN_MOUNTS, Deno.execPath(), "run", "--no-check", "--allow-all", child],
      ...[path, dir.path, `${seed}`, `${life}`],
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  assertEquals(code, 0, text.decode(stderr));
  let synced = 0;
  for (const line of text.decode(stdout).trimEnd().split("\n")) {
    const { uncertain, gone, kept, ...content } = JSON.parse(line);
    if (uncertain !== undefined) files.delete(uncertain);
    else if (gone !== undefined) files.set(gone, "gone");
    else {
      files.set(kept, content);
      synced++;
    }
  }
  const devices = run("losetup", "--list", "--noheadings", "--output", "BACK-FILE");
  assert(!devices.includes(dir.path), devices);
  return synced;
}

/** Through programs that others wrote: they read the image, and what the journal of the file system makes of it. */
function assertSound(dir: TempDir, path: string, qemuFormat: string, files: Files): void {
  using scratch = new TempDir();
  const raw = scratch.file("raw");
  // QEMU replays no log for a reader. Of VHD it knows no check.
  if (qemuFormat === "vhdx") run("qemu-img", "check", "-r", "all", "-f", qemuFormat, path);
  run("qemu-img", "convert", "-f", qemuFormat, "-O", "raw", path, raw);
  run("e2fsck", "-E", "journal_only", "-p", raw);
  run("e2fsck", "-f", "-n", raw);
  const out = scratch.file("files");
  Deno.mkdirSync(out);
  run("debugfs", "-R", `rdump / ${out}`, raw);
  const found = new Set(Array.from(Deno.readDirSync(out), ({ name }) => name));
  for (const [name, content] of files) {
    assertEquals(found.has(name), content !== "gone", `${name} in ${dir.path}`);
    if (content === "gone") continue;
    const { length, seed } = content;
    assertBytesEqual(Deno.readFileSync(`${out}/${name}`), pattern(length, seed), name);
  }
}
