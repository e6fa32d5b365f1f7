/** Images of other programs: whole they are sound, cut off they are not. */
import { assert, assertEquals } from "@std/assert";
import { diagnose } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { type CutRules, surveyCuts } from "../portable/operations/cutting.ts";
import { everySo, sampledRows } from "../sampling.ts";
import {
  pattern,
  run,
  sharedImageNeed,
  TempDir,
  testWith,
  tool,
  unpackSharedImage,
} from "../support.ts";

const MIB = 1 << 20;
const QEMU = tool("qemu-img");
const SGDISK = tool("/usr/sbin/sgdisk");
const XORRISO = tool("xorriso");
const GENISOIMAGE = tool("genisoimage");
const MKUDFFS = tool("/usr/sbin/mkudffs");
const NEVER = Infinity;

const QEMU_KINDS: [name: string, options: string[], rules: CutRules][] = [
  ["dynamic.vhd", ["-O", "vpc"], { exactFrom: 4096 }],
  // The geometry of the disk is larger than what was asked for; its end is in the footer alone.
  ["fixed.vhd", ["-O", "vpc", "-o", "subformat=fixed"], { exactFrom: NEVER }],
  ["dynamic.vhdx", ["-O", "vhdx", "-o", "block_size=1M"], { exactFrom: 4 * MIB }],
  [
    "fixed.vhdx",
    ["-O", "vhdx", "-o", "block_size=1M", "-o", "subformat=fixed"],
    { exactFrom: 4 * MIB },
  ],
];

for (const [name, options, rules] of QEMU_KINDS) {
  testWith(
    [QEMU],
    `diagnose(): no diagnosis of a ${name} of qemu-img that is cut says that all is well`,
    async () => {
      using dir = new TempDir();
      Deno.writeFileSync(dir.file("disk.raw"), pattern(8 * MIB));
      run("qemu-img", "convert", "-f", "raw", ...options, dir.file("disk.raw"), dir.file(name));
      const { cuts, exact } = await surveyCuts(dir.file(name), rules);
      if (rules.exactFrom !== NEVER) assert(exact > cuts / 3, `${exact} of ${cuts} cuts`);
    },
  );
}

/** A disk of 16 MiB with a GPT of sgdisk, as a fixed VHD. */
async function partitionedVhd(dir: TempDir): Promise<string> {
  const raw = dir.file("disk.raw");
  Deno.writeFileSync(raw, new Uint8Array(0));
  Deno.truncateSync(raw, 16 * MIB);
  run("/usr/sbin/sgdisk", "-n", "1:2048:+8M", raw);
  const path = dir.file("fixed.vhd");
  (await createImage(path, { source: raw, sourceType: "raw", subtype: "fixed" })).close();
  Deno.removeSync(raw);
  return path;
}

testWith(
  [SGDISK],
  "diagnose(): of a fixed VHD that is cut the GPT tells how much is missing at least",
  async () => {
    using dir = new TempDir();
    const path = await partitionedVhd(dir);
    const { size } = Deno.statSync(path);
    for (const missing of [513, 4096, MIB, 15 * MIB]) {
      Deno.truncateSync(path, size - missing);
      const { verdict, findings: [found] } = await diagnose(path, { backend: "portable" });
      assertEquals([verdict, found?.subject, found?.missingBytes], [
        "unusable",
        "cut-off",
        missing,
      ]);
      assertEquals(found?.message.includes("at least"), true);
    }
  },
);

testWith(
  [SGDISK],
  "diagnose(): a fixed VHD with partitions is never well when it is cut",
  async () => {
    using dir = new TempDir();
    const { cuts, least } = await surveyCuts(await partitionedVhd(dir), { exactFrom: NEVER });
    assert(least > cuts / 3, `${least} of ${cuts} cuts`);
  },
);

/** Files to put on a disc. */
function makeFiles(dir: TempDir): string {
  const folder = dir.file("files");
  Deno.mkdirSync(folder);
  for (let i = 0; i < 20; i++) Deno.writeFileSync(`${folder}/file${i}`, pattern(100_000 + i, i));
  return folder;
}

testWith(
  [XORRISO],
  "diagnose(): no diagnosis of a disc of xorriso that is cut says that all is well",
  async () => {
    using dir = new TempDir();
    const path = dir.file("disc.iso");
    run("xorriso", "-as", "mkisofs", "-quiet", "-J", "-r", "-o", path, makeFiles(dir));
    const { cuts, exact } = await surveyCuts(path, { exactFrom: 34_816 });
    assert(exact > cuts * 3 / 4, `${exact} of ${cuts} cuts`);
  },
);

const DISCS = [["Joliet", "-J"], ["a bridge to UDF", "-udf"], ["no padding", "-no-pad"]] as const;

for (const [i, [name, ...options]] of DISCS.entries()) {
  testWith(
    [GENISOIMAGE, ...everySo(3, i + 2)],
    `diagnose(): no diagnosis of a disc of genisoimage with ${name} that is cut says that all is well`,
    async () => {
      using dir = new TempDir();
      const path = dir.file("disc.iso");
      run("genisoimage", "-quiet", ...options, "-o", path, makeFiles(dir));
      const [, blocks] = /^Volume size is: (\d+)$/m.exec(run("isoinfo", "-d", "-i", path))!;
      // What it pads a disc with belongs to no volume.
      const spare = Deno.statSync(path).size - Number(blocks) * 2048;
      const { cuts, exact } = await surveyCuts(path, {
        spare,
        exactFrom: name === "a bridge to UDF" ? NEVER : 34_816,
      });
      assert(exact > cuts / 2, `${exact} of ${cuts} cuts`);
    },
  );
}

testWith(
  [MKUDFFS],
  "diagnose(): no diagnosis of a UDF volume that is cut says that all is well",
  async () => {
    using dir = new TempDir();
    const path = dir.file("udf.iso");
    Deno.writeFileSync(path, new Uint8Array(0));
    Deno.truncateSync(path, 4 * MIB);
    run("/usr/sbin/mkudffs", "-b", "2048", "-r", "2.01", "-l", "UDF", path);
    await surveyCuts(path, { exactFrom: NEVER });
  },
);

const IMAGES = ["btrfs.vhdx.gz", "swap.vhdx.gz", "ext2.vhd.gz", "apple-test.iso.gz"];

for (const name of sampledRows(IMAGES, 2)) {
  testWith(
    [sharedImageNeed(name)],
    `${name} of another program is sound, and not when it is cut`,
    async () => {
      using dir = new TempDir();
      const path = await unpackSharedImage(name, dir);
      const whole = await diagnose(path, { backend: "portable" });
      assertEquals([whole.verdict, whole.summary], ["sound", "Nothing is wrong"]);
      const { size } = Deno.statSync(path);
      for (const percent of [99, 90, 50, 28, 10, 1]) {
        Deno.truncateSync(path, Math.floor(size * percent / 100));
        const cut = await diagnose(path, { backend: "portable" });
        assertEquals(cut.verdict, "unusable", `${percent} %: ${JSON.stringify(cut)}`);
      }
    },
  );
}

testWith(
  [sharedImageNeed("vhdx-log-replay.vhdx.gz")],
  "diagnose(): an image of Windows whose log was left behind is usable, and not when it is cut",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage("vhdx-log-replay.vhdx.gz", dir);
    const { verdict, findings: [log], command } = await diagnose(path, { backend: "portable" });
    assertEquals([verdict, log?.subject], ["usable", "log"]);
    assertEquals(command?.startsWith("virtdisk check --repair "), true);
    const { size } = Deno.statSync(path);
    for (const percent of [99, 90, 50, 28, 10, 1]) {
      Deno.truncateSync(path, Math.floor(size * percent / 100));
      const cut = await diagnose(path, { backend: "portable" });
      assertEquals(cut.verdict, "unusable", `${percent} %: ${JSON.stringify(cut)}`);
    }
  },
);

testWith(
  [sharedImageNeed("fat-differential.vhd.gz")],
  "diagnose(): a child of Windows lacks its parent, and nothing else",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage("fat-differential.vhd.gz", dir);
    const { findings } = await diagnose(path, { backend: "portable" });
    assertEquals(
      findings.filter(({ severity }) => severity !== "info").map(({ subject }) => subject),
      ["parent"],
    );
  },
);
