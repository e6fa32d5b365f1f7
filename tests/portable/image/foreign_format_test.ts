import { assertEquals, assertMatch } from "@std/assert";
import { diagnose } from "@virtdisk/virtdisk";
import { foreignFormat } from "../../../src/portable/image/foreign_format.ts";
import { run, TempDir, testWith, tool } from "../../support.ts";
import { HoleySource } from "../file/memory_source.ts";

const MIB = 1 << 20;

/** Where each format has its mark, by its own specification; negative: from the end. */
const MARKS: [mark: string, offset: number, name: string][] = [
  ["QFI\xfb\0\0\0\x03", 0, "a QCOW2 image (QEMU)"],
  ["QED\0", 0, "a QED image (QEMU)"],
  ["KDMV\x01\0\0\0", 0, "a VMDK image (VMware)"],
  ["COWD", 0, "a VMDK image (VMware)"],
  ["# Disk DescriptorFile\nversion=1", 0, "the description of a VMDK image (VMware)"],
  ["\x7f\x10\xda\xbe", 64, "a VDI image (VirtualBox)"],
  ["WithoutFreeSpace", 0, "a Parallels image"],
  ["WithouFreSpacExt", 0, "a Parallels image"],
  ["Bochs Virtual HD Image", 0, "a Bochs image"],
  ["koly\0\0\0\x04\0\0\x02\0", -512, "a disk image of macOS (DMG)"],
  ["MSWIM\0\0\0\xd0\0\0\0", 0, "a Windows image (WIM), which holds files and no disk"],
  ["EVF\x09\x0d\x0a\xff\0\x01", 0, "a forensic image (EnCase, E01)"],
  ["\x1f\x8b\x08", 0, "a gzip file"],
  ["BZh91AY&SY", 0, "a bzip2 file"],
  ["\xfd7zXZ\0", 0, "an xz file"],
  ["\x28\xb5\x2f\xfd", 0, "a zstd file"],
  ["\x04\x22\x4d\x18", 0, "an LZ4 file"],
  ["LZIP\x01", 0, "an lzip file"],
  ["PK\x03\x04", 0, "a ZIP file"],
  ["7z\xbc\xaf\x27\x1c", 0, "a 7z file"],
  ["Rar!\x1a\x07\x01\0", 0, "a RAR file"],
  ["MSCF\0\0\0\0", 0, "a cabinet file (CAB)"],
  ["ustar\x0000", 257, "a tar archive (as OVA files are)"],
  ["\xeb\x52\x90NTFS    ", 0, "an NTFS volume without a partition table"],
  ["\xeb\x76\x90EXFAT   ", 0, "an exFAT volume without a partition table"],
  ["XFSB", 0, "an XFS volume without a partition table"],
  ["_BHRfS_M", 0x10040, "a Btrfs volume without a partition table"],
  ["LUKS\xba\xbe\0\x02", 0, "an encrypted volume (LUKS)"],
  [
    "version https://git-lfs.github.com/spec/v1\n",
    0,
    "a pointer of Git LFS to a file that was not downloaded",
  ],
  ["<!DOCTYPE html>\n<html>", 0, "a web page"],
  ["\n  <html lang", 0, "a web page"],
  ["NER5", -12, "a Nero image (NRG)"],
  ['FILE "disc.bin" BINARY', 0, "a CUE sheet"],
];

Deno.test("files of other programs are known by their marks", () => {
  for (const [mark, offset, name] of MARKS) {
    const bytes = Uint8Array.from(mark, (each) => each.charCodeAt(0));
    const at = offset < 0 ? MIB + offset : offset;
    const found = foreignFormat(new HoleySource(MIB, [{ offset: at, bytes }]));
    assertEquals(found?.name, name);
    // A mark that is cut off is none.
    const shorter = bytes.subarray(0, 2);
    assertEquals(
      foreignFormat(new HoleySource(2, [{ offset: 0, bytes: shorter }])),
      undefined,
      name,
    );
  }
});

Deno.test("what has no mark is nothing known", () => {
  for (const size of [0, 1, 511, 4096, MIB]) {
    assertEquals(foreignFormat(new HoleySource(size, [])), undefined);
  }
});

const VOLUMES: [program: string, args: string[], name: RegExp][] = [
  ["/usr/sbin/mkfs.ntfs", ["-F", "-q", "-Q"], /^the file is an NTFS volume/],
  ["/usr/sbin/mkfs.fat", [], /^the file is a FAT volume/],
  ["/usr/sbin/mkfs.fat", ["-F", "32"], /^the file is a FAT volume/],
];
for (const [program, args, name] of VOLUMES) {
  testWith([tool(program)], `a volume of ${[program, ...args].join(" ")} is named`, async () => {
    using dir = new TempDir();
    const path = dir.file("volume.img");
    Deno.writeFileSync(path, new Uint8Array(0));
    Deno.truncateSync(path, 64 * MIB);
    run(program, ...args, path);
    const { verdict, findings: [found], command } = await diagnose(path, { backend: "portable" });
    assertEquals([verdict, found?.symbol], ["unusable", "ERROR_VIRTDISK_PROVIDER_NOT_FOUND"]);
    assertMatch(found!.message, name);
    assertMatch(command!, /^virtdisk convert --source-type raw /);
  });
}
