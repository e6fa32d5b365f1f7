/** Chains are read often in few places, so that what is known of their files is used, while they change. */
import { assertEquals } from "@std/assert";
import type { PortableVirtualDisk } from "@virtdisk/virtdisk";
import { Random } from "../../fuzz/random.ts";
import { createChain, openImage } from "../../images.ts";
import { IS_FULL } from "../../sampling.ts";
import { assertBytesEqual, TempDir } from "../../support.ts";

const SECTOR = 512;
const MIB = 1 << 20;
const SIZE = 3 * MIB;
const MAX_LENGTH = 9000;

function randomRange(random: Random): { offset: number; length: number } {
  const offset = random.below(SIZE);
  return { offset, length: Math.min(SIZE - offset, 1 + random.below(MAX_LENGTH)) };
}

/** Pieces of this are random bytes; to ask for each byte would take longer than all else. */
const NOISE = Uint8Array.from(
  { length: 65536 },
  ((random) => () => random.below(256))(new Random(14)),
);

function randomBytes(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += NOISE.length / 2) {
    const start = random.below(NOISE.length / 2);
    bytes.set(NOISE.subarray(start, start + Math.min(NOISE.length / 2, length - at)), at);
  }
  return bytes;
}

/** Changes a disk and what it is to hold in the same way. */
function change(disk: PortableVirtualDisk, bytes: Uint8Array, random: Random): void {
  const { offset, length } = randomRange(random);
  if (random.chance(60)) {
    const written = randomBytes(random, length);
    disk.writeSync(written, offset);
    bytes.set(written, offset);
  } else if (random.chance(70)) {
    disk.zeroSync(offset, length);
    bytes.fill(0, offset, offset + length);
  } else disk.flushSync();
}

function assertReads(disk: PortableVirtualDisk, bytes: Uint8Array, random: Random): void {
  for (let i = 0; i < 60; i++) {
    const { offset, length } = randomRange(random);
    const read = new Uint8Array(length);
    disk.readSync(read, offset);
    assertBytesEqual(read, bytes.subarray(offset, offset + length), `${length} at ${offset}`);
  }
}

for (const [format, blockSize] of [["vhd", MIB / 2], ["vhdx", MIB]] as const) {
  Deno.test(`a chain of ${format} is read as it is, whatever is written to it meanwhile`, async () => {
    using dir = new TempDir();
    const random = new Random(15);
    const paths = Array.from({ length: 4 }, (_, i) => dir.file(`${i}.${format}`));
    // What the disk of each file holds.
    const contents: Uint8Array[] = [];
    await createChain(paths, { size: SIZE, blockSize }, (disk, i) => {
      const bytes = contents[i - 1]?.slice() ?? new Uint8Array(SIZE);
      for (let n = 0; n < 40; n++) change(disk, bytes, random);
      contents.push(bytes);
    });
    const [bytes] = contents.slice(-1) as [Uint8Array];
    {
      using disk = await openImage(paths[3]!);
      for (let round = 0; round < (IS_FULL ? 20 : 8); round++) {
        assertReads(disk, bytes, random);
        for (let n = 0; n < 5; n++) change(disk, bytes, random);
      }
      await disk.compact();
      assertReads(disk, bytes, random);
    }
    using reader = await openImage(paths[3]!, true);
    assertReads(reader, bytes, random);
  });

  Deno.test(`a chain of ${format} is read as it is when its parent is another, and after a merge`, async () => {
    using dir = new TempDir();
    const random = new Random(16);
    const [base, other, child] = ["base", "other", "child"].map((name) =>
      dir.file(`${name}.${format}`)
    ) as [string, string, string];
    const [first, second] = [randomBytes(random, SIZE), randomBytes(random, SIZE)];
    const size = { size: SIZE, blockSize };
    await createChain([other], size, (disk) => disk.writeSync(second, 0));
    const bytes = first.slice();
    const isOwn = new Uint8Array(SIZE / SECTOR);
    await createChain([base, child], size, (disk, i) => {
      if (i === 0) disk.writeSync(first, 0);
      for (let n = 0; i > 0 && n < 30; n++) {
        const { offset, length } = randomRange(random);
        const written = randomBytes(random, length);
        disk.writeSync(written, offset);
        bytes.set(written, offset);
        isOwn.fill(1, Math.floor(offset / SECTOR), Math.ceil((offset + length) / SECTOR));
      }
    });
    using disk = await openImage(child);
    assertReads(disk, bytes, random);
    disk.setInformation("parentPath", { path: other, ignoreMismatch: true });
    const rebased = second.slice();
    for (let at = 0; at < SIZE; at += SECTOR) {
      if (isOwn[at / SECTOR] === 1) rebased.set(bytes.subarray(at, at + SECTOR), at);
    }
    assertReads(disk, rebased, random);
    await disk.merge({ depth: 1 });
    assertReads(disk, rebased, random);
    // The parent has other bytes now than when it was read last.
    using parent = await openImage(other, true);
    assertReads(parent, rebased, random);
  });
}

Deno.test("ImageChain: a child is read as it is once a compaction has moved its blocks", async () => {
  using dir = new TempDir();
  const paths = ["base", "child"].map((name) => dir.file(`${name}.vhdx`)) as [string, string];
  const random = new Random(17);
  const bytes = randomBytes(random, SIZE);
  await createChain(paths, { size: SIZE, blockSize: MIB }, (disk, i) => {
    // What the child has of the first block is its parent's too; the last one takes its place.
    if (i === 0) disk.writeSync(bytes.subarray(0, MIB), 0);
    else disk.writeSync(bytes, 0);
  });
  using disk = await openImage(paths[1]);
  assertReads(disk, bytes, random);
  assertEquals((await disk.compact()).movedBlocks, 1);
  assertReads(disk, bytes, random);
});
