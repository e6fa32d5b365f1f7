/**
 * The footer: identity, size and kind of a VHD, the last 512 bytes of the file; dynamic and
 * differencing images have a copy at offset 0 (VHD 1.0, "Hard Disk Footer Format").
 *
 * @module
 */
import {
  bigU64,
  bool8,
  type Codec,
  guid,
  mapped,
  u16,
  u32,
  u64,
  u8,
  type ValueOf,
} from "../../bytes/codec.ts";
import { hexadecimal } from "../../bytes/hexadecimal.ts";
import { computed, layout, reserved, signature } from "../../bytes/layout.ts";
import { ImageError } from "../file/image_error.ts";
import type { Geometry } from "./layout.ts";

/** What a footer begins with. */
export const FOOTER_COOKIE = "conectix";

const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** Where something is, or all ones for nowhere. */
const optionalOffset: Codec<number | undefined> = mapped(
  bigU64,
  (stored) => stored === ALL_ONES ? undefined : Number(stored),
  (offset) => offset === undefined ? ALL_ONES : BigInt(offset),
);

const GEOMETRY = layout("geometry", { size: 4, endian: "big" }, {
  cylinders: [0, u16],
  heads: [2, u8],
  sectorsPerTrack: [3, u8],
});

/** 2000-01-01T00:00:00Z, in milliseconds of Unix time: seconds since then are what a footer stores. */
export const VHD_EPOCH = Date.UTC(2000, 0, 1);

/** Creators older than Virtual PC 2004 left out the last byte. */
export const FOOTER = layout("footer", { size: 512, endian: "big" }, {
  cookie: [0, signature(FOOTER_COOKIE)],
  features: [8, u32],
  fileFormatVersion: [12, u32],
  /** Where the sparse header is; `undefined` where the field is all ones, as in fixed images. */
  dataOffset: [16, optionalOffset],
  /** Creation, seconds since 2000-01-01 UTC. */
  timeStamp: [24, u32],
  creatorApplication: [28, u32],
  creatorVersion: [32, u32],
  creatorHostOs: [36, u32],
  /** Bytes, at creation. */
  originalSize: [40, u64],
  /** Bytes. */
  currentSize: [48, u64],
  geometry: [56, GEOMETRY],
  diskType: [60, u32],
  checksum: [64, computed(u32)],
  /** In the text order of Windows GUIDs. */
  uniqueId: [68, guid],
  savedState: [84, bool8],
  reserved: [85, reserved(427)],
});

/** Bytes. */
export const FOOTER_SIZE = FOOTER.size;

/** A footer's fields. */
export type Footer = ValueOf<typeof FOOTER>;

/** The disk types in use. */
export const DISK_TYPE = { fixed: 2, dynamic: 3, differencing: 4 } as const;

/** FileFormatVersion 1.0; the upper half is the major version. */
export const FILE_FORMAT_VERSION = 0x00010000;

/** What an open image keeps asking its footer. */
export type DiskIdentity = Pick<Footer, "currentSize" | "uniqueId">;

/** Whether the 512 bytes are a footer: cookie and checksum. */
export function footerFault(bytes: Uint8Array): StructureFault {
  return structureFault(FOOTER, bytes);
}

/** The fields of 512 bytes that {@linkcode footerFault} found to be a footer. */
export function parseFooter(bytes: Uint8Array): Footer {
  return FOOTER.unpack(bytes);
}

/** The 512 bytes of a footer, checksum included. */
export function encodeFooter(footer: Footer): Uint8Array<ArrayBuffer> {
  return sealed(FOOTER, FOOTER.pack(footer));
}

/** The 512 bytes of a footer with another unique id; reserved fields stay as their creator left them. */
export function withUniqueId(footer: Uint8Array, uniqueId: string): Uint8Array<ArrayBuffer> {
  return changed(footer, { uniqueId });
}

/**
 * As {@linkcode withUniqueId}, with another size and geometry; and with Windows as the creator, for a reader
 * that trusts the geometry of another one would miss what is beyond it.
 */
export function withCurrentSize(
  footer: Uint8Array,
  currentSize: number,
  geometry: Geometry,
): Uint8Array<ArrayBuffer> {
  const { creatorApplication } = WINDOWS;
  const isWindows = FOOTER.get(footer, "creatorApplication") === creatorApplication;
  return changed(footer, { currentSize, geometry, ...(isWindows ? {} : WINDOWS) });
}

/** As {@linkcode withUniqueId}, with a sparse header at another place. */
export function withDataOffset(footer: Uint8Array, dataOffset: number): Uint8Array<ArrayBuffer> {
  return changed(footer, { dataOffset });
}

function changed(footer: Uint8Array, changes: Partial<Footer>): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(footer);
  FOOTER.patch(bytes, changes);
  return sealed(FOOTER, bytes);
}

// What the footer and the sparse header have in common: a cookie at the front, and a checksum over all of
// their bytes (VHD 1.0, "Hard Disk Footer Format", "Dynamic Disk Header Format").

interface SealedLayout extends Pick<typeof FOOTER, "hasSignature"> {
  readonly at: { readonly checksum: number };
  get(bytes: Uint8Array, field: "checksum"): number;
  patch(bytes: Uint8Array, changes: { readonly checksum: number }): void;
}

/** The ones' complement of the sum of all bytes, those of the checksum itself counted as zero. */
export function vhdChecksum(bytes: Uint8Array, checksumOffset: number): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += bytes[i]!;
  for (let i = 0; i < u32.size; i++) sum -= bytes[checksumOffset + i]!;
  return ~sum >>> 0;
}

/** Puts its checksum into a finished structure, and gives it back. */
export function sealed(
  structure: SealedLayout,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  structure.patch(bytes, { checksum: vhdChecksum(bytes, structure.at.checksum) });
  return bytes;
}

/** What is wrong with the bytes where a structure should be; `undefined` where they are one. */
export type StructureFault = "cookie" | "checksum" | undefined;

/** Whether the bytes begin with the cookie of a structure and carry their checksum. */
export function structureFault(structure: SealedLayout, bytes: Uint8Array): StructureFault {
  if (!structure.hasSignature(bytes)) return "cookie";
  const stored = structure.get(bytes, "checksum");
  return stored === vhdChecksum(bytes, structure.at.checksum) ? undefined : "checksum";
}

/** What errors say of a structure whose fault is the checksum. */
export function checksumMismatch(
  structure: SealedLayout,
  bytes: Uint8Array,
): { readonly found: string; readonly expected: string } {
  const checksum = vhdChecksum(bytes, structure.at.checksum);
  return {
    found: hexadecimal(structure.get(bytes, "checksum")),
    expected: `${hexadecimal(checksum)}, the checksum of its bytes`,
  };
}

// Disks of machines whose state is saved: what the machine has in its memory refers to the disk as it is.

/** @throws {ImageError} `ERROR_VHD_INVALID_STATE` for such a disk. */
export function assertNoSavedState(path: string, { savedState }: Footer): void {
  if (!savedState) return;
  throw new ImageError("ERROR_VHD_INVALID_STATE", {
    path,
    reason: "the disk belongs to a machine whose state is saved",
    causes: ["Start the machine and shut it down, or discard its saved state."],
  });
}

// Who a VHD says has made it. Some readers (QEMU) take the size of the disk from its geometry, which is
// seldom exact, unless they know the creator for one who means the size.

/** Fields of a footer: big-endian numbers, the first and the last of four characters. */
export interface Creator {
  readonly creatorApplication: number;
  readonly creatorVersion: number;
  readonly creatorHostOs: number;
}

/** Windows 10: `win `, `Wi2k`. */
export const WINDOWS: Creator = {
  creatorApplication: 0x77696e20,
  creatorVersion: 0x000a0000,
  creatorHostOs: 0x5769326b,
};
