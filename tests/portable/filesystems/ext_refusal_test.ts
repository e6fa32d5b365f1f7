/** What makes an ext2, ext3 or ext4 one whose free blocks are not believed. */
import { assert, assertEquals } from "@std/assert";
import { readExt } from "../../../src/portable/filesystems/ext/ext.ts";
import { TempDir, testWith } from "../../support.ts";
import { ExtEditor } from "./ext_edits.ts";
import { e2, E2FSPROGS, fillAndEmpty, makeExt, TUNE2FS } from "./ext_images.ts";
import { ask, BytesVolume } from "./volumes.ts";

const MiB = 2 ** 20;

/** What the changed file systems were made as: groups of 8192 blocks of 1 KiB. */
const MADE = {
  sealed: "-t ext4 -b 1024",
  plain: "-t ext3 -b 1024",
  flex: "-t ext4 -b 1024 -O ^metadata_csum,^uninit_bg",
  crc16: "-t ext4 -b 1024 -O ^metadata_csum,uninit_bg",
  mmp: "-t ext4 -b 1024",
} as const;

interface Row {
  readonly title: string;
  readonly made?: keyof typeof MADE;
  readonly change: (editor: ExtEditor) => unknown;
  /** Default: true. */
  readonly seals?: boolean;
  readonly reason: string;
}

const COMPAT = 0x5c;
const INCOMPAT = 0x60;
const RO_COMPAT = 0x64;
const FREE = 0x0c;
const FLAGS = 0x12;

const NOT_CLEAN = "it was not unmounted cleanly";
const feature = (name: string) => `it has a feature that is not understood: ${name}`;

const ROWS: readonly Row[] = [
  {
    title: "the flag needs_recovery",
    change: (ext) => ext.superBits(INCOMPAT, 0x4),
    reason: `its journal must be replayed: ${NOT_CLEAN}`,
  },
  { title: "no clean state", change: (ext) => ext.super16(0x3a, 0), reason: NOT_CLEAN },
  {
    title: "a state of errors",
    change: (ext) => ext.super16(0x3a, 3),
    reason: "it has errors that e2fsck has not repaired",
  },
  {
    title: "a count of errors",
    change: (ext) => ext.super32(0x194, 1),
    reason: "it has errors that e2fsck has not repaired",
  },
  {
    title: "a state that is not known",
    change: (ext) => ext.super16(0x3a, 0x21),
    reason: "its state is not known",
  },
  {
    title: "a state of orphans",
    change: (ext) => ext.super16(0x3a, 5),
    reason: "it has deleted files whose blocks have not been freed",
  },
  {
    title: "a list of orphans",
    change: (ext) => ext.super32(0xe8, 12),
    reason: "it has deleted files whose blocks have not been freed",
  },
  {
    title: "an orphan file in use",
    change: (ext) => ext.superBits(RO_COMPAT, 0x10000),
    reason: `its orphan file may have entries: ${NOT_CLEAN}`,
  },
  {
    title: "an unknown compatible feature",
    change: (ext) => ext.superBits(COMPAT, 0x80000000),
    reason: feature("0x80000000 of the compatible ones"),
  },
  {
    title: "an unknown incompatible feature",
    change: (ext) => ext.superBits(INCOMPAT, 0x40000),
    reason: feature("0x40000 of the incompatible ones"),
  },
  {
    title: "an unknown read-only feature",
    change: (ext) => ext.superBits(RO_COMPAT, 0x20000),
    reason: feature("0x20000 of the read-only ones"),
  },
  {
    title: "compression",
    change: (ext) => ext.superBits(INCOMPAT, 0x1),
    reason: feature("compression"),
  },
  {
    title: "snapshots",
    change: (ext) => ext.superBits(RO_COMPAT, 0x80),
    reason: feature("snapshot"),
  },
  {
    title: "shared blocks",
    change: (ext) => ext.superBits(RO_COMPAT, 0x4000),
    reason: feature("shared_blocks"),
  },
  {
    title: "a journal device",
    change: (ext) => ext.superBits(INCOMPAT, 0x8),
    reason: "it is the journal of another file system",
  },
  {
    title: "an external journal",
    change: (ext) => ext.super32(0xe0, 0),
    reason: "its journal is on another device",
  },
  {
    title: "a revision that is not known",
    change: (ext) => ext.super32(0x4c, 2),
    reason: "its revision 2 is not known",
  },
  {
    title: "a superblock that has changed",
    change: (ext) => ext.super32(0x30, 1),
    seals: false,
    reason: "the checksum of its superblock does not hold",
  },
  {
    title: "checksums of an unknown kind",
    change: (ext) => ext.super16(0x174, 0x204),
    reason: "the kind of its checksums is not known",
  },
  {
    title: "two kinds of checksums",
    change: (ext) => ext.superBits(RO_COMPAT, 0x10),
    reason: "it has two kinds of group checksums at once",
  },
  {
    title: "a seed without checksums",
    made: "plain",
    change: (ext) => ext.superBits(INCOMPAT, 0x2000),
    reason: "it has a seed of checksums, but no checksums",
  },
  {
    title: "a block size that is not known",
    change: (ext) => ext.super32(0x18, 7),
    seals: false,
    made: "plain",
    reason: "its block size is not known",
  },
  {
    title: "clusters without bigalloc",
    change: (ext) => ext.super32(0x1c, 2),
    reason: "its cluster size contradicts its block size",
  },
  {
    title: "another first block",
    change: (ext) => ext.super32(0x14, 0),
    reason: "its first data block contradicts its sizes",
  },
  {
    title: "more blocks than the volume has",
    change: (ext) => ext.super32(0x04, 20 * 1024 + 1),
    made: "plain",
    reason: "it is larger than its volume",
  },
  {
    title: "groups that no bitmap describes",
    change: (ext) => ext.super32(0x20, 16384).super32(0x24, 16384),
    made: "plain",
    reason: "the size of its groups is not possible",
  },
  {
    title: "a number of inodes that contradicts the groups",
    change: (ext) => ext.super32(0x00, 1),
    reason: "the number or size of its inodes is not possible",
  },
  {
    title: "descriptors of an odd size",
    change: (ext) => ext.super16(0xfe, 96).super32(0x3fc, 0),
    reason: "the size of its group descriptors is not possible",
  },
  {
    title: "a count of free blocks that contradicts the groups",
    change: (ext) => ext.super32(FREE, 1),
    reason: "its groups have COUNT free blocks, its superblock says 1",
  },
  {
    title: "a descriptor that has changed",
    change: (ext) => ext.add16(1, FREE, 1),
    seals: false,
    reason: "the checksum of the descriptor of group 1 does not hold",
  },
  {
    title: "a descriptor that has changed, with crc16",
    made: "crc16",
    change: (ext) => ext.add16(1, FREE, 1),
    reason: "the checksum of the descriptor of group 1 does not hold",
  },
  {
    title: "a bitmap that has changed",
    change: (ext) => ext.set32(ext.bitmap(0) + 512, 0x12345678),
    seals: false,
    reason: "the checksum of the block bitmap of group 0 does not hold",
  },
  {
    title: "a bitmap that contradicts its count",
    change: (ext) => ext.add16(0, FREE, 1),
    reason: "the bitmap of group 0 has COUNT free clusters, its descriptor COUNT",
  },
  {
    title: "free blocks behind the end",
    made: "plain",
    change: (ext) => ext.set32(ext.bitmap(2) + 1020, 0),
    reason: "the block bitmap of group 2 has free blocks behind its end",
  },
  {
    title: "a free block in the inode table",
    change: (ext) => ext.free(ext.inode(40) / 1024 | 0),
    reason: "a structure of group 0 is marked as free",
  },
  {
    title: "a free block bitmap",
    change: (ext) => ext.free(ext.bitmap(0) / 1024),
    reason: "a structure of group 0 is marked as free",
  },
  {
    title: "a free copy of the superblock",
    made: "plain",
    change: (ext) => ext.free(8193),
    reason: "the copy of the superblock or of descriptors in group 1 is marked as free",
  },
  {
    title: "free reserved descriptors",
    change: (ext) => ext.free(4),
    reason: "the copy of the superblock or of descriptors in group 0 is marked as free",
  },
  {
    title: "a free block of the journal",
    change: (ext) => ext.free(ext.journal / 1024 + 5),
    reason: "its journal is marked as free",
  },
  {
    title: "group 0 without a bitmap",
    change: (ext) => ext.add16(0, FLAGS, 2),
    reason: "group 0 is marked as uninitialized",
  },
  {
    title: "a group without a bitmap, and without checksums (CVE-2018-10876)",
    made: "plain",
    change: (ext) => ext.add16(1, FLAGS, 2),
    reason: "group 1 is marked as uninitialized, but has no checksum",
  },
  {
    title: "a group without a bitmap whose count says otherwise",
    change: (ext) => ext.add16(1, FLAGS, 2).add16(1, FREE, -1),
    reason: "the bitmap of group 1 has COUNT free clusters, its descriptor COUNT",
  },
  {
    title: "a bitmap outside of the file system",
    change: (ext) => ext.set32(ext.descriptor(1), 0xffffffff),
    reason: "a structure of group 1 lies where it cannot be",
  },
  {
    title: "a bitmap in another group, without flex_bg",
    made: "plain",
    change: (ext) => ext.set32(ext.descriptor(1), 300),
    reason: "a structure of group 1 lies where it cannot be",
  },
  {
    title: "the bitmap of another group",
    made: "flex",
    // That of group 1 has been read by then, for the journal.
    change: (ext) => ext.set32(ext.descriptor(0), ext.bitmap(1) / 1024),
    reason: "groups 1 and 0 have the same bitmap",
  },
  {
    title: "a journal that is not empty",
    change: (ext) => ext.view.setUint32(ext.journal + 0x1c, 1),
    reason: "its journal must be replayed, though it says otherwise",
  },
  {
    title: "a journal with an error",
    change: (ext) => ext.view.setInt32(ext.journal + 0x20, -5),
    reason: "its journal has recorded an error",
  },
  {
    title: "a journal that is none",
    change: (ext) => ext.set32(ext.journal, 0),
    reason: "its journal does not begin as one",
  },
  {
    title: "a journal inode that has changed",
    change: (ext) => ext.set32(ext.inode(8) + 0x10, 1),
    seals: false,
    reason: "the checksum of the inode of its journal does not hold",
  },
  {
    title: "a journal of no type",
    change: (ext) => ext.view.setUint16(ext.inode(8), 0, true),
    reason: "its journal is no file",
  },
  {
    title: "extents of a journal that are none",
    change: (ext) => ext.set32(ext.inode(8) + 0x28, 0),
    reason: "the extents of its journal are not sound",
  },
  {
    title: "an extent of a journal that leads out of the file system",
    change: (ext) => ext.set32(ext.inode(8) + 0x28 + 20, 0x7fffffff),
    reason: "a block of its journal does not lie within the volume",
  },
  {
    title: "a journal in an inode that does not exist",
    change: (ext) => ext.super32(0xe0, 0xffffffff),
    reason: "its journal is an inode that does not exist",
  },
  {
    title: "a machine that has it mounted",
    made: "mmp",
    change: (ext) => ext.set32(ext.mmp + 4, 17),
    reason: "its mount protection says that a machine has it mounted",
  },
  {
    title: "mount protection that has changed",
    made: "mmp",
    change: (ext) => ext.set32(ext.mmp + 8, 17),
    seals: false,
    reason: "the block of its mount protection is not sound",
  },
  {
    title: "free mount protection",
    made: "mmp",
    change: (ext) => ext.free(ext.mmp / 1024),
    reason: "the block of its mount protection is marked as free",
  },
];

testWith(
  [...E2FSPROGS, TUNE2FS],
  "what makes an ext file system one that is not believed",
  async (t) => {
    using dir = new TempDir();
    const made = Object.fromEntries(
      Object.entries(MADE).map(([name, args]) => {
        const path = dir.file(`${name}.img`);
        makeExt(path, 20 * MiB, ...args.split(" "));
        fillAndEmpty(dir, path, { seed: 1, files: 4, largest: 65536 });
        // Only now: whatever writes to one with mount protection waits eleven seconds for other machines.
        if (name === "mmp") e2("tune2fs", "-O", "mmp", path);
        return [name, Deno.readFileSync(path)];
      }),
    ) as Record<keyof typeof MADE, Uint8Array<ArrayBuffer>>;
    for (const [name, bytes] of Object.entries(made)) {
      await t.step(`${name}: as it was made, also with its checksums anew`, () => {
        const before = ask(readExt, new BytesVolume(bytes));
        assertEquals(before?.kind, "free");
        const sealed = new ExtEditor(bytes).seal();
        assertEquals(sealed.bytes, bytes);
      });
    }
    for (const { title, made: base = "sealed", change, seals = true, reason } of ROWS) {
      await t.step(title, () => {
        const editor = new ExtEditor(made[base]);
        change(editor);
        if (seals) editor.seal();
        const answer = ask(readExt, new BytesVolume(editor.bytes));
        const found = answer?.kind === "refused" ? answer.reason : answer?.kind;
        const pattern = RegExp.escape(reason).replaceAll("COUNT", "\\d+");
        if (!new RegExp(`^${pattern}$`).test(found ?? "")) assertEquals(found, reason);
      });
    }
  },
);

testWith(
  E2FSPROGS,
  "an ext2 that says it has 2^32 blocks is read no further than it is sound",
  () => {
    using dir = new TempDir();
    const path = dir.file("volume.img");
    makeExt(path, 20 * MiB, ..."-t ext2 -b 1024 -O ^resize_inode".split(" "));
    const ext = new ExtEditor(Deno.readFileSync(path));
    const blocks = 2 ** 32 - 1;
    const groups = Math.ceil((blocks - 1) / 8192);
    ext.super32(0x04, blocks).super32(0x00, groups * ext.view.getUint32(1024 + 0x28, true));
    let bytesRead = 0;
    const answer = ask(readExt, {
      size: blocks * 1024,
      sectorSize: 512,
      read(offset, length) {
        bytesRead += length;
        const bytes = new Uint8Array(length);
        bytes.set(ext.bytes.subarray(offset, offset + length));
        return bytes;
      },
    });
    assertEquals(answer?.kind, "refused");
    assert(bytesRead < MiB, `${bytesRead} bytes read`);
  },
);

Deno.test("a volume that is none, or too small, is no ext file system", () => {
  assertEquals(ask(readExt, new BytesVolume(new Uint8Array(0))), undefined);
  assertEquals(ask(readExt, new BytesVolume(new Uint8Array(2047))), undefined);
  assertEquals(ask(readExt, new BytesVolume(new Uint8Array(MiB))), undefined);
});
