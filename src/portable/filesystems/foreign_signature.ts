/**
 * What else a volume may be, whatever its first sector looks like: some kinds leave that sector alone, so that the
 * file system which was there before is still to be seen, and its map of what is free is one of the past.
 *
 * Sources: the documentation of each kind; for places and bytes, `magic(5)` of file(1) and the manual of wipefs(8).
 *
 * @module
 */
import type { Volume } from "./file_system.ts";

interface Signature {
  readonly name: string;
  /** Bytes from the start of the volume. */
  readonly offset: number;
  readonly bytes: readonly number[];
}

const SIGNATURES: readonly Signature[] = [
  text("BitLocker", 3, "-FVE-FS-"),
  // BitLocker To Go looks like FAT32 up to these identifiers: libbde's documentation of the format.
  signature("BitLocker", 424, "3b d6 67 49 29 2e d8 4a 83 99 f6 a3 39 e3 d0 01"),
  signature("BitLocker", 424, "3b 4d a8 92 80 dd 0e 4d 9e 4e b1 e3 28 4e ae d8"),
  text("ReFS", 3, "ReFS\0\0\0\0"),
  text("XFS", 0, "XFSB"),
  text("LUKS", 0, "LUKS\xba\xbe"),
  ...[0, 512, 1024, 1536].map((offset) => text("LVM", offset, "LABELONE")),
  signature("Linux RAID", 0, "fc 4e 2b a9"),
  signature("Linux RAID", 4096, "fc 4e 2b a9"),
  signature("bcachefs", 4096 + 24, "c6 85 73 f6 4e 1a 45 ca 82 65 f5 7f 48 ba 6d 81"),
  signature("bcachefs", 4096 + 24, "c6 85 73 f6 66 ce 90 a9 d9 6a 60 cf 80 3d f7 ef"),
  signature("F2FS", 1024, "10 20 f5 f2"),
  text("HFS+", 1024, "H+\0\x04"),
  text("HFSX", 1024, "HX\0\x05"),
  text("APFS", 32, "NXSB"),
  text("Btrfs", 65536 + 64, "_BHRfS_M"),
  signature("erofs", 1024, "e2 e1 f5 e0"),
  // With the revision: an ext4 has its numbers of inodes and blocks there.
  signature("NILFS", 1024, "02 00 00 00 00 00 34 34"),
  text("SquashFS", 0, "hsqs"),
  signature("UFS", 8192 + 1372, "54 19 01 00"),
  signature("UFS", 65536 + 1372, "19 01 54 19"),
  text("JFS", 32768, "JFS1"),
  text("ReiserFS", 65536 + 52, "ReIsEr"),
  text("ISO 9660", 32769, "CD001"),
  text("UDF", 32769, "BEA01"),
  ...[4096, 8192, 16384, 32768, 65536].flatMap((page) => [
    text("Linux swap space", page - 10, "SWAPSPACE2"),
    text("Linux swap space", page - 10, "SWAP-SPACE"),
    text("a suspended Linux", page - 10, "S1SUSPEND"),
    text("a suspended Linux", page - 10, "S2SUSPEND"),
    text("a suspended Linux", page - 10, "LINHIB0001"),
  ]),
];
const END = Math.max(...SIGNATURES.map(({ offset, bytes }) => offset + bytes.length));

const EXT = { magic: 1024 + 56, magicBytes: [0x53, 0xef], blockSize: 1024 + 24, maxBlockSize: 6 };

/** The name of what a volume holds that no reader understands, by its signature. */
export function foreignContents(volume: Volume): string | undefined {
  const start = volume.read(0, Math.min(END, volume.size));
  return SIGNATURES.find(({ offset, bytes }) => has(start, offset, bytes))?.name;
}

/** The name of something else that a volume may be, by a signature beyond its first words. */
export function foreignSignature(volume: Volume): string | undefined {
  const foreign = foreignContents(volume);
  if (foreign !== undefined) return foreign;
  const start = volume.read(0, Math.min(END, volume.size));
  // Two bytes could be anything: the exponent of the block size must be one, too.
  const exponent = start.subarray(EXT.blockSize, EXT.blockSize + 4);
  const isBlockSize = exponent.length === 4 && exponent[0]! <= EXT.maxBlockSize &&
    exponent.subarray(1).every((byte) => byte === 0);
  return has(start, EXT.magic, EXT.magicBytes) && isBlockSize ? "ext2, ext3 or ext4" : undefined;
}

function has(start: Uint8Array, offset: number, bytes: readonly number[]): boolean {
  return bytes.every((byte, i) => start[offset + i] === byte);
}

function text(name: string, offset: number, value: string): Signature {
  return { name, offset, bytes: Array.from(value, (char) => char.charCodeAt(0)) };
}

function signature(name: string, offset: number, hexadecimal: string): Signature {
  return { name, offset, bytes: hexadecimal.split(" ").map((byte) => parseInt(byte, 16)) };
}
