/**
 * What a file that is no VHD, VHDX or ISO image is instead, if it says so: images of other programs and
 * packed ones are renamed often enough for errors to name them.
 *
 * @module
 */
import { type ByteSource, hasSignature } from "../file/byte_source.ts";

/** What can be done with a foreign file. */
export type ForeignKind =
  /** A disk image that qemu-img reads. */
  | "image"
  /** A disk's bytes as they are: a file system without a partition table. */
  | "raw"
  /** An image that is opened with another type, or under another name. */
  | "named"
  /** A compact disc's sectors with more than their data. */
  | "disc"
  | "gzip"
  | "bzip2"
  | "xz"
  | "zstd"
  | "lz4"
  | "lzip"
  | "zip"
  | "7z"
  | "rar"
  | "tar"
  | "cab"
  | "wim"
  | "evidence"
  | "nothing";

/** A format that is not the one which was expected. */
export interface ForeignFormat {
  /** With its article: `"a VHDX image"`. */
  readonly name: string;
  /** What to do with it, a sentence. */
  readonly advice: string;
  readonly kind: ForeignKind;
}

interface Signature extends ForeignFormat {
  readonly signature: string;
  /** From the start, or, if negative, from the end of the file. */
  readonly offset: number;
}

const DISC: Pick<Signature, "kind" | "advice"> = {
  kind: "disc",
  advice: "Convert it to an image of 2048-byte sectors first.",
};
const NERO = { name: "a Nero image (NRG)", ...DISC };
const VHD: Pick<Signature, "name" | "kind" | "advice"> = {
  name: "a VHD image",
  kind: "named",
  advice: 'Open it with { type: "vhd" }, or give it the extension .vhd.',
};
const IMAGE: Pick<Signature, "kind" | "advice"> = {
  kind: "image",
  advice: "Convert it first, for example with `qemu-img convert -O vhdx`.",
};
const VMDK = { name: "a VMDK image (VMware)", ...IMAGE };
const PARALLELS = { name: "a Parallels image", ...IMAGE };
const RAW: Pick<Signature, "kind" | "advice"> = {
  kind: "raw",
  advice: "Say that it is a raw disk, as nothing in such a file does.",
};
const NOTHING = "nothing";

const packed = (kind: ForeignKind, name: string): Omit<Signature, "offset" | "signature"> => ({
  kind,
  name,
  advice: "Unpack it first.",
});

/** Sources: the specification of each format, or of its container. */
const SIGNATURES: readonly Signature[] = [
  {
    offset: 0,
    signature: "vhdxfile",
    name: "a VHDX image",
    kind: "named",
    advice: 'Open it with { type: "vhdx" }, or give it the extension .vhdx.',
  },
  { offset: -512, signature: "conectix", ...VHD },
  { offset: 0, signature: "conectix", ...VHD },
  {
    // The synchronisation field of a CD sector (ECMA-130 14.1).
    offset: 0,
    signature: `\x00${"\xff".repeat(10)}\x00`,
    name: "a raw CD image with sectors of 2352 bytes (BIN, IMG or MDF)",
    ...DISC,
  },
  { offset: -8, signature: "NERO", ...NERO },
  { offset: -12, signature: "NER5", ...NERO },
  {
    offset: 0,
    signature: "MEDIA DESCRIPTOR",
    name: "the description (MDS) of an MDF image",
    ...DISC,
  },
  {
    offset: 0,
    signature: "CISO",
    name: "a compressed image (CSO)",
    kind: "disc",
    advice: "Unpack it first.",
  },
  { offset: 0, signature: "QFI\xfb", name: "a QCOW2 image (QEMU)", ...IMAGE },
  { offset: 0, signature: "QED\0", name: "a QED image (QEMU)", ...IMAGE },
  { offset: 0, signature: "KDMV", ...VMDK },
  { offset: 0, signature: "COWD", ...VMDK },
  {
    offset: 0,
    signature: "# Disk DescriptorFile",
    name: "the description of a VMDK image (VMware)",
    ...IMAGE,
  },
  { offset: 64, signature: "\x7f\x10\xda\xbe", name: "a VDI image (VirtualBox)", ...IMAGE },
  { offset: 0, signature: "WithoutFreeSpace", ...PARALLELS },
  { offset: 0, signature: "WithouFreSpacExt", ...PARALLELS },
  { offset: 0, signature: "Bochs Virtual HD Image", name: "a Bochs image", ...IMAGE },
  { offset: -512, signature: "koly", name: "a disk image of macOS (DMG)", ...IMAGE },
  {
    offset: 0,
    signature: "MSWIM\0\0\0",
    name: "a Windows image (WIM), which holds files and no disk",
    kind: "wim",
    advice: "Apply it to a disk with `dism` or wimlib.",
  },
  {
    offset: 0,
    signature: "EVF\x09\x0d\x0a\xff\0",
    name: "a forensic image (EnCase, E01)",
    kind: "evidence",
    advice: "Export it as a raw disk first, for example with `ewfexport`.",
  },
  { offset: 0, signature: "\x1f\x8b\x08", ...packed("gzip", "a gzip file") },
  { offset: 0, signature: "BZh", ...packed("bzip2", "a bzip2 file") },
  { offset: 0, signature: "\xfd7zXZ\0", ...packed("xz", "an xz file") },
  { offset: 0, signature: "\x28\xb5\x2f\xfd", ...packed("zstd", "a zstd file") },
  { offset: 0, signature: "\x04\x22\x4d\x18", ...packed("lz4", "an LZ4 file") },
  { offset: 0, signature: "LZIP", ...packed("lzip", "an lzip file") },
  { offset: 0, signature: "PK\x03\x04", ...packed("zip", "a ZIP file") },
  { offset: 0, signature: "7z\xbc\xaf\x27\x1c", ...packed("7z", "a 7z file") },
  { offset: 0, signature: "Rar!\x1a\x07", ...packed("rar", "a RAR file") },
  { offset: 0, signature: "MSCF\0\0\0\0", ...packed("cab", "a cabinet file (CAB)") },
  { offset: 257, signature: "ustar", ...packed("tar", "a tar archive (as OVA files are)") },
  { offset: 3, signature: "NTFS    ", name: "an NTFS volume without a partition table", ...RAW },
  { offset: 3, signature: "EXFAT   ", name: "an exFAT volume without a partition table", ...RAW },
  { offset: 54, signature: "FAT1", name: "a FAT volume without a partition table", ...RAW },
  { offset: 82, signature: "FAT32   ", name: "a FAT volume without a partition table", ...RAW },
  { offset: 0, signature: "XFSB", name: "an XFS volume without a partition table", ...RAW },
  {
    offset: 0x10040,
    signature: "_BHRfS_M",
    name: "a Btrfs volume without a partition table",
    ...RAW,
  },
  { offset: 0, signature: "LUKS\xba\xbe", name: "an encrypted volume (LUKS)", ...RAW },
  {
    offset: 0,
    signature: "version https://git-lfs.github.com/spec/",
    name: "a pointer of Git LFS to a file that was not downloaded",
    kind: NOTHING,
    advice: "Fetch the file itself: `git lfs pull`.",
  },
];
const LONGEST_SIGNATURE = Math.max(...SIGNATURES.map(({ signature }) => signature.length));

/** The commands with which a CUE sheet may begin. */
const CUE_SHEET = /^(?:\xef\xbb\xbf)?\s*(?:REM |CATALOG |CDTEXTFILE |FILE "|PERFORMER |TITLE )/i;
const HTML = /^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html)/i;

/** The format that the file's signatures name, or `undefined`. */
export function foreignFormat(source: ByteSource): ForeignFormat | undefined {
  const head = readSome(source, 0);
  for (const { offset, signature, name, advice, kind } of SIGNATURES) {
    const place = offset < 0 ? source.size + offset : offset;
    if (place < 0) continue;
    const bytes = place === 0 ? head : readSome(source, place);
    if (hasSignature(bytes, 0, signature)) return { name, advice, kind };
  }
  const text = String.fromCharCode(...head);
  if (CUE_SHEET.test(text)) {
    return {
      name: "a CUE sheet",
      kind: "disc",
      advice: "It only describes a BIN file: " + DISC.advice.toLowerCase(),
    };
  }
  if (HTML.test(text)) {
    return {
      name: "a web page",
      kind: NOTHING,
      advice: "The download gave a page instead of the file: download it again.",
    };
  }
  return undefined;
}

/**
 * The format of a file that plainly is no raw disk: an image, packed, or a text. What a raw disk may hold, a
 * file system without a partition table, it may also begin with.
 */
export function plainFormat(source: ByteSource): ForeignFormat | undefined {
  const format = foreignFormat(source);
  return format?.kind === "raw" ? undefined : format;
}

function readSome(source: ByteSource, offset: number): Uint8Array {
  const bytes = new Uint8Array(LONGEST_SIGNATURE);
  return bytes.subarray(0, source.readAt(bytes, offset));
}
