/** Random writes, trims, sizes and reopenings, compared with a byte array; QEMU has the last word. */
import { assertEquals } from "@std/assert";
import { type CreateOptions, openVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { Random } from "../fuzz/random.ts";
import { sampledRounds, sampledRows } from "../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../support.ts";

const MIB = 2 ** 20;
const SECTOR = 512;
const MAX_SIZE = 12 * MIB;
const STEPS = sampledRounds(40, 10);

const KINDS: readonly [name: string, qemu: string, options: CreateOptions][] = [
  ["disk.vhd", "vpc", { size: 3 * MIB, subtype: "fixed" }],
  ["disk.vhd", "vpc", { size: 3 * MIB, subtype: "dynamic", blockSize: 512 * 1024 }],
  ["disk.vhdx", "vhdx", { size: 8 * MIB, subtype: "fixed" }],
  ["disk.vhdx", "vhdx", { size: 8 * MIB, subtype: "dynamic", blockSize: MIB }],
];

for (const [name, qemu, options] of KINDS) {
  for (const seed of sampledRows([1, 2], 2)) {
    const title = `${options.subtype} ${name.slice(5).toUpperCase()}, seed ${seed}`;
    testWith(
      [tool("qemu-img")],
      `a disk is what was written, whatever its size was: ${title}`,
      async () => {
        using dir = new TempDir();
        const random = new Random(seed);
        let disk = await createImage(dir.file(name), options);
        let expected = new Uint8Array(Number(options.size));
        for (let step = 0; step < STEPS; step++) {
          const kind = random.below(100);
          if (kind < 50) write(disk, expected, random);
          else if (kind < 60) trim(disk, expected, random);
          else if (kind < 90) expected = await resize(disk, expected, random, qemu === "vhdx");
          else {
            disk.close();
            disk = await openVirtualDisk(disk.path, { backend: "portable", readOnly: false });
          }
          if (step % 5 > 0) continue;
          const bytes = new Uint8Array(expected.length);
          assertEquals(disk.readSync(bytes, 0), expected.length);
          assertBytesEqual(bytes, expected, `step ${step}`);
        }
        disk.close();
        const raw = dir.file("disk.raw");
        if (qemu === "vhdx") run("qemu-img", "check", "-q", "-f", qemu, disk.path);
        run("qemu-img", "convert", "-f", qemu, "-O", "raw", disk.path, raw);
        assertBytesEqual(Deno.readFileSync(raw), expected, "QEMU");
      },
    );
  }
}

function write(disk: PortableVirtualDisk, expected: Uint8Array, random: Random): void {
  const offset = random.below(expected.length);
  const length = Math.min(expected.length - offset, 1 + random.below(2 * MIB));
  const bytes = pattern(length, random.below(251));
  disk.writeSync(bytes, offset);
  expected.set(bytes, offset);
}

/** What a trim leaves of blocks at its ends is for the disk to say. */
function trim(disk: PortableVirtualDisk, expected: Uint8Array, random: Random): void {
  const offset = random.below(expected.length);
  const length = random.below(expected.length - offset);
  disk.trimSync(offset, length);
  const bytes = new Uint8Array(length);
  disk.readSync(bytes, offset);
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== 0 && bytes[i] !== expected[offset + i]) throw new Error(`byte ${offset + i}`);
  }
  expected.set(bytes, offset);
}

async function resize(
  disk: PortableVirtualDisk,
  expected: Uint8Array,
  random: Random,
  mayShrink: boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const least = mayShrink ? SECTOR : expected.length;
  const unit = random.pick([SECTOR, MIB]);
  const size = Math.floor((least + random.below(MAX_SIZE - least + 1)) / unit) * unit;
  const wanted = Math.max(size, least);
  await disk.resize(wanted, { allowUnsafe: true });
  const resized = new Uint8Array(wanted);
  resized.set(expected.subarray(0, wanted));
  return resized;
}
