/** Which blocks of ext2, ext3 and ext4 are free, against dumpe2fs, zerofree and e2fsck. */
import { assert, assertEquals } from "@std/assert";
import { readExt } from "../../../src/portable/filesystems/ext/ext.ts";
import type { FreeRange } from "../../../src/portable/filesystems/file_system.ts";
import { everySo, sampledRows } from "../../sampling.ts";
import { assertBytesEqual, run, TempDir, testWith } from "../../support.ts";
import {
  contentsOf,
  dumpedRanges,
  e2,
  E2FSPROGS,
  fillAndEmpty,
  makeExt,
  ZEROFREE,
} from "./ext_images.ts";
import { ask, FileVolume } from "./volumes.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** What mke2fs is told: the kind, options, and the size if not the usual one. */
const CASES: readonly { args: string; size?: number }[] = [
  { args: "-t ext2 -r 0 -b 1024" },
  { args: "-t ext2 -b 1024" },
  { args: "-t ext2 -b 2048 -O ^sparse_super,^resize_inode" },
  { args: "-t ext2 -b 4096" },
  { args: "-t ext2 -b 1024 -O sparse_super2,^sparse_super,^resize_inode" },
  { args: "-t ext3 -b 1024" },
  { args: "-t ext3 -b 4096" },
  { args: "-t ext4 -b 1024" },
  { args: "-t ext4 -b 2048" },
  { args: "-t ext4 -b 4096", size: 300 * MiB },
  { args: "-t ext4 -b 8192" },
  { args: "-t ext4 -b 16384" },
  { args: "-t ext4 -b 32768" },
  { args: "-t ext4 -b 65536", size: 128 * MiB },
  { args: "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg" },
  { args: "-t ext4 -b 4096 -O ^metadata_csum,uninit_bg,64bit", size: 700 * MiB },
  { args: "-t ext4 -b 1024 -O ^metadata_csum,^uninit_bg" },
  { args: "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg,^64bit" },
  { args: "-t ext4 -b 1024 -O ^64bit" },
  { args: "-t ext4 -b 1024 -O ^flex_bg" },
  { args: "-t ext4 -b 1024 -G 4" },
  { args: "-t ext4 -b 1024 -O meta_bg,^resize_inode" },
  { args: "-t ext4 -b 1024 -O meta_bg,^resize_inode,^flex_bg,^64bit", size: 400 * MiB },
  { args: "-t ext4 -b 1024 -O meta_bg,^resize_inode,sparse_super2", size: 200 * MiB },
  { args: "-t ext3 -b 1024 -O meta_bg,^resize_inode", size: 400 * MiB },
  { args: "-t ext4 -b 1024 -O bigalloc -C 16384" },
  { args: "-t ext4 -b 4096 -O bigalloc -C 65536", size: 70 * MiB + 12345 },
  { args: "-t ext4 -b 1024 -O bigalloc,^metadata_csum,uninit_bg,^64bit -C 8192" },
  { args: "-t ext4 -b 4096 -O bigalloc,meta_bg,^resize_inode -C 1048576", size: 1 * GiB },
  { args: "-t ext4 -b 1024 -O sparse_super2,^resize_inode" },
  { args: "-t ext4 -b 1024 -O sparse_super2 -E num_backup_sb=1,resize=1000000" },
  { args: "-t ext4 -b 1024 -O metadata_csum_seed" },
  { args: "-t ext4 -b 1024 -g 256" },
  { args: "-t ext4 -b 1024 -g 1024 -O ^metadata_csum,uninit_bg,^flex_bg" },
  { args: "-t ext4 -b 1024 -O mmp,quota,project,large_dir,ea_inode,inline_data,encrypt,verity" },
  { args: "-t ext4 -b 4096 -O orphan_file,fast_commit,stable_inodes,casefold" },
  { args: "-t ext4 -b 4096 -I 512 -i 4096" },
  { args: "-t ext4 -b 1024 -J size=8 -O ^extent,^64bit", size: 200 * MiB },
  { args: "-t ext4 -b 4096", size: 64 * GiB },
  { args: "-t ext4 -b 1024 -O meta_bg,^resize_inode", size: 8 * GiB },
  { args: "-t ext2 -b 1024", size: 20 * MiB + 3 * 1024 },
];

/** A larger one takes too long to be overwritten. */
const MAX_OVERWRITTEN = 128 * MiB;

for (const [number, { args, size = 30 * MiB }] of CASES.entries()) {
  const title = `mke2fs ${args}, ${Math.floor(size / MiB)} MiB`;
  testWith(
    [...E2FSPROGS, ...everySo(5, number + 4)],
    `${title}: free is what dumpe2fs says, and nobody misses it`,
    () => {
      using dir = new TempDir();
      const path = dir.file("volume.img");
      makeExt(path, size, ...args.split(" "));
      // debugfs writes nothing into a file system that may be encrypted.
      const files = args.includes("encrypt") ? [] : fillAndEmpty(dir, path, { seed: number });
      const contents = contentsOf(dir, path, files);
      const { name, ranges } = freeIn(path);
      assert(ranges.length > 0);
      assertEquals(ranges, dumpedRanges(path));
      assertEquals(name, args.match(/-t (\S+)/)![1]);
      if (size > MAX_OVERWRITTEN) return;
      overwrite(path, ranges, 0xa5);
      e2("e2fsck", "-fn", path);
      assertEquals(contentsOf(dir, path, files), contents);
    },
  );
}

const OVERWRITTEN = [
  "-t ext2 -b 1024",
  "-t ext3 -b 2048",
  "-t ext4 -b 4096",
  "-t ext4 -b 1024 -g 512",
];

for (const args of sampledRows(OVERWRITTEN, 2, 1)) {
  testWith([...E2FSPROGS, ZEROFREE], `mke2fs ${args}: free is what zerofree overwrites`, () => {
    using dir = new TempDir();
    const path = dir.file("volume.img");
    makeExt(path, 20 * MiB, ...args.split(" "));
    fillAndEmpty(dir, path, { seed: 7 });
    const { ranges } = freeIn(path);
    overwrite(path, ranges, 0xa5);
    const expected = Deno.readFileSync(path);
    for (const { offset, length } of ranges) expected.fill(0, offset, offset + length);
    run("/usr/sbin/zerofree", path);
    const actual = Deno.readFileSync(path);
    // It counts as a write, of which the superblock has the time.
    expected.set(actual.subarray(1024, 2048), 1024);
    assertBytesEqual(actual, expected);
  });
}

/** What is free in a file system that must be sound. */
function freeIn(path: string): { name: string; ranges: FreeRange[] } {
  using volume = new FileVolume(path);
  const answer = ask(readExt, volume);
  assert(answer?.kind === "free", JSON.stringify(answer));
  return { name: answer.fileSystem.name, ranges: answer.ranges };
}

function overwrite(path: string, ranges: readonly FreeRange[], value: number): void {
  using file = Deno.openSync(path, { write: true });
  const piece = new Uint8Array(MiB).fill(value);
  for (const { offset, length } of ranges) {
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let done = 0; done < length;) done += file.writeSync(piece.subarray(0, length - done));
  }
}

testWith(
  E2FSPROGS,
  "a file system that was changed by resize2fs and tune2fs is read as it is now",
  () => {
    using dir = new TempDir();
    const path = dir.file("volume.img");
    makeExt(path, 40 * MiB, "-t", "ext4", "-b", "1024");
    fillAndEmpty(dir, path, { seed: 12 });
    const check = () => assertEquals(freeIn(path).ranges, dumpedRanges(path));
    Deno.truncateSync(path, 300 * MiB);
    e2("resize2fs", path);
    check();
    e2("e2fsck", "-fy", path);
    e2("resize2fs", path, "100M");
    check();
    e2("tune2fs", "-O", "^has_journal", path);
    check();
    // With 32 bits the descriptors are half as long, and so are checksums.
    e2("e2fsck", "-fy", path);
    e2("resize2fs", "-s", path);
    check();
  },
);
