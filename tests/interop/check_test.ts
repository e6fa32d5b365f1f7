/** No false alarm, and repairs that other programs agree with. */
import { assertEquals } from "@std/assert";
import { checkVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { Random } from "../fuzz/random.ts";
import { everySo, sampledRounds, sampledRows } from "../sampling.ts";
import {
  assertBytesEqual,
  pattern,
  run,
  sharedImageNeed,
  TempDir,
  testWith,
  tool,
  unpackSharedImage,
} from "../support.ts";

const MIB = 1 << 20;
const QEMU = [tool("qemu-img"), tool("qemu-io")];

/** What a check says, without what is merely room to be compacted. */
async function findingsOf(path: string) {
  const { findings } = await checkVirtualDisk(path);
  return findings
    .filter(({ structure }) => structure !== "unused space")
    .map(({ severity, structure, offset }) => [severity, structure, offset]);
}

const IMAGES = ["btrfs.vhdx.gz", "swap.vhdx.gz", "ext2.vhd.gz", "apple-test.iso.gz"];

for (const name of sampledRows(IMAGES, 2, 1)) {
  testWith([sharedImageNeed(name)], `check() finds nothing in ${name}`, async () => {
    using dir = new TempDir();
    const report = await checkVirtualDisk(await unpackSharedImage(name, dir));
    assertEquals([report.findings, report.sound], [[], true]);
  });
}

testWith(
  [sharedImageNeed("fat-differential.vhd.gz")],
  "check() finds nothing but the missing parent in fat-differential.vhd",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage("fat-differential.vhd.gz", dir);
    assertEquals(await findingsOf(path), [["error", "sparse header", 512 + 40]]);
  },
);

testWith(
  [sharedImageNeed("vhdx-log-replay.vhdx.gz"), tool("qemu-img")],
  "check() finds the log that Windows left behind, and replays it as QEMU does",
  async () => {
    using dir = new TempDir();
    const path = await unpackSharedImage("vhdx-log-replay.vhdx.gz", dir);
    assertEquals(await findingsOf(path), [["warning", "log", MIB]]);
    const { sound, findings } = await checkVirtualDisk(path, { repair: true });
    assertEquals([sound, findings.map(({ repaired }) => repaired)], [true, [true]]);
    assertEquals((await checkVirtualDisk(path)).findings, []);
    run("qemu-img", "check", "-q", "-f", "vhdx", path);
  },
);

const QEMU_KINDS = [
  ["vpc", "subformat=dynamic"],
  ["vpc", "subformat=dynamic,force_size=on"],
  ["vpc", "subformat=fixed,force_size=on"],
  ["vpc", "subformat=fixed"],
  ["vhdx", "subformat=dynamic"],
  ["vhdx", "subformat=dynamic,block_size=1M,block_state_zero=off"],
  ["vhdx", "subformat=fixed"],
] as const;

for (const [i, [format, options]] of QEMU_KINDS.entries()) {
  testWith(
    [...QEMU, ...everySo(2, i)],
    `check() finds nothing in QEMU's ${format}, ${options}`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(format === "vpc" ? "disk.vhd" : "disk.vhdx");
      run("qemu-img", "create", "-q", "-f", format, "-o", options, path, `${40 * MIB}`);
      assertEquals(await findingsOf(path), []);
      const writes = [0, 3 * MIB + 512, 17 * MIB, 40 * MIB - 65536];
      const commands = writes.flatMap((offset) => ["-c", `write -q -P 7 ${offset} 65536`]);
      run("qemu-io", "-f", format, ...commands, path);
      assertEquals(await findingsOf(path), []);
    },
  );
}

const OUR_KINDS = (["vhd", "vhdx"] as const).flatMap((type) =>
  (["dynamic", "fixed", "differencing"] as const).map((subtype) => ({ type, subtype }))
);

const SEEDS = sampledRounds(4);

for (const { type, subtype } of OUR_KINDS) {
  Deno.test(`check() finds nothing in a ${subtype} ${type} after random work`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      using dir = new TempDir();
      const random = new Random(seed);
      const path = dir.file(`disk.${type}`);
      const blockSize = type === "vhd" ? 512 * 1024 : MIB;
      // The last block is not a whole one.
      const size = 9 * MIB + 4096;
      if (subtype === "differencing") {
        const parent = dir.file(`base.${type}`);
        using base = await createImage(parent, { size, blockSize });
        base.writeSync(pattern(MIB), 2 * MIB);
        base.close();
        (await createImage(path, { parent, blockSize })).close();
      } else {
        (await createImage(path, { size, subtype, ...(subtype === "fixed" ? {} : { blockSize }) }))
          .close();
      }
      assertEquals((await checkVirtualDisk(path)).findings, [], `seed ${seed}, new`);
      for (let session = 0; session < 3; session++) {
        using disk = await openWritable(path);
        for (let i = 0; i < 40; i++) {
          const offset = random.below(size);
          const length = Math.min(size - offset, random.below(random.pick([512, 5000, 2 * MIB])));
          if (random.chance(25)) disk.trimSync(offset, length);
          else disk.writeSync(pattern(length, random.below(250)), offset);
        }
        disk.close();
        assertEquals(await findingsOf(path), [], `seed ${seed}, session ${session}`);
      }
    }
  });
}

function openWritable(path: string) {
  return openVirtualDisk(path, { backend: "portable", readOnly: false });
}

/** Where to damage an image that can be repaired: offset in the file, or from its end where negative. */
const REPAIRS = [
  ["vhd", "the footer copy", 100],
  ["vhd", "the footer", -400],
  ["vhdx", "the first header", 0x10000 + 8],
  ["vhdx", "the second header", 0x20000 + 8],
  ["vhdx", "the first region table", 0x30000 + 8],
  ["vhdx", "the second region table", 0x40000 + 8],
] as const;

for (const [i, [type, what, place]] of REPAIRS.entries()) {
  testWith(
    [tool("qemu-img"), ...everySo(2, i)],
    `check() repairs ${what} of a ${type}, and no byte is lost`,
    async () => {
      using dir = new TempDir();
      const path = dir.file(`disk.${type}`);
      {
        using disk = await createImage(path, { size: 8 * MIB });
        disk.writeSync(pattern(3 * MIB), MIB + 512);
      }
      const raw = dir.file("before.raw");
      const format = type === "vhd" ? "vpc" : "vhdx";
      run("qemu-img", "convert", "-f", format, "-O", "raw", path, raw);
      const bytes = Deno.readFileSync(path);
      const sound = bytes.slice();
      const offset = place < 0 ? bytes.length + place : place;
      bytes[offset]! ^= 0xff;
      Deno.writeFileSync(path, bytes);
      const report = await checkVirtualDisk(path, { repair: true });
      assertEquals([report.findings.length, report.findings[0]?.repaired, report.sound], [
        1,
        true,
        true,
      ]);
      assertEquals((await checkVirtualDisk(path)).findings, []);
      if (type === "vhdx") run("qemu-img", "check", "-q", "-f", "vhdx", path);
      else assertBytesEqual(Deno.readFileSync(path), sound, "the file");
      const after = dir.file("after.raw");
      run("qemu-img", "convert", "-f", format, "-O", "raw", path, after);
      assertBytesEqual(Deno.readFileSync(after), Deno.readFileSync(raw), "the disk");
    },
  );
}
