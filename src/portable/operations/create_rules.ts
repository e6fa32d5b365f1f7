/**
 * The rules of CreateVirtualDisk that need no file: defaults, limits and which options go together.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/ns-virtdisk-create_virtual_disk_parameters}
 * @module
 */
import { sizeText } from "../../disk/size.ts";
import { extname } from "@std/path";
import { byteCount } from "../../disk/arguments.ts";
import type { OperationOptions } from "../../disk/progress.ts";
import type { SourceRequest } from "./copy_source.ts";
import { newDiskSize, type SourceDisk } from "./create_size.ts";
import { newFormatOfExtension } from "../formats.ts";
import { type DiskImage, diskItems, type ImageSpec, type ParentSpec } from "../image/image.ts";
import { ImageError } from "../file/image_error.ts";

/** The formats of new images. */
export type NewFormat = "vhd" | "vhdx" | "raw";

/** A disk that a caller wants; what is absent or `undefined` has its default. */
export interface NewDisk {
  readonly path: string;
  readonly type?: NewFormat | undefined;
  readonly subtype?: ImageSpec["subtype"] | undefined;
  readonly size?: number | undefined;
  readonly blockSize?: number | undefined;
  readonly sectorSize?: number | undefined;
  readonly physicalSectorSize?: number | undefined;
  readonly parent?: string | undefined;
  readonly identifier?: string | undefined;
  /** A whole number of so many bytes is made of the size. */
  readonly alignment?: number | undefined;
}

/** What a caller wants to be created, how and from what. */
export interface CreateRequest extends NewDisk, OperationOptions {
  readonly source?: SourceRequest | undefined;
  /** Whether a file of that name is replaced. */
  readonly overwrite: boolean;
  /** Whether it is replaced although it is an image with children, or that cannot be found out. */
  readonly ignoreChildren: boolean;
  /** Whether all of a fixed disk is written, so that its file has no holes. */
  readonly preallocate: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;

/** Fixed VHDX images of this size on have full-size blocks; the last may then exceed the disk. */
const FIXED_FULL_BLOCKS = 4 * GIB;

interface FormatRules {
  readonly maximumSize: number;
  readonly sectorSizes: readonly number[];
  readonly physicalSectorSizes: readonly number[];
  readonly defaultPhysicalSectorSize: number;
  readonly blockSizes: readonly number[];
  defaultBlockSize(parent: DiskImage | undefined): number;
  fixedBlockSize(size: number): number;
}

const RULES: Record<NewFormat, FormatRules> = {
  vhd: {
    maximumSize: 2040 * GIB,
    sectorSizes: [512],
    physicalSectorSizes: [512],
    defaultPhysicalSectorSize: 512,
    blockSizes: [512 * KIB, 2 * MIB],
    // A fixed parent has no blocks.
    defaultBlockSize: (parent) => parent?.blockSize || 2 * MIB,
    fixedBlockSize: () => 0,
  },
  vhdx: {
    maximumSize: 64 * TIB,
    sectorSizes: [512, 4096],
    physicalSectorSizes: [512, 4096],
    defaultPhysicalSectorSize: 4096,
    blockSizes: [1, 2, 4, 8, 16, 32, 64, 128, 256].map((mebibytes) => mebibytes * MIB),
    defaultBlockSize: (parent) => parent === undefined ? 32 * MIB : 2 * MIB,
    fixedBlockSize,
  },
  // A raw image has nothing but its bytes: what cannot be stored cannot be chosen.
  raw: {
    maximumSize: Number.MAX_SAFE_INTEGER,
    sectorSizes: [],
    physicalSectorSizes: [],
    defaultPhysicalSectorSize: 512,
    blockSizes: [],
    defaultBlockSize: () => 0,
    fixedBlockSize: () => 0,
  },
};

/** The format to create. */
export function formatToCreate(
  { path, type }: Pick<NewDisk, "path" | "type">,
): NewFormat {
  if (type !== undefined) return type;
  const format = newFormatOfExtension(path);
  if (format !== undefined && format !== "iso") return format;
  const given = extname(path) === "" ? "none" : JSON.stringify(extname(path));
  throw refused(
    path,
    `the extension must be .vhd, .vhdx, .avhd, .avhdx, .raw or .img to say what to make, not ${given}`,
    ['Name the file so, or say what to make: { type: "vhdx" }.'],
  );
}

/** The largest disk of a format, in bytes. */
export function maximumSize(format: NewFormat): number {
  return RULES[format].maximumSize;
}

/** The allocation of the new image. */
export function subtypeToCreate(
  request: NewDisk,
): ImageSpec["subtype"] {
  const { path, subtype, parent, identifier } = request;
  const isRaw = formatToCreate(request) === "raw";
  const actual = subtype ?? (parent !== undefined ? "differencing" : isRaw ? "fixed" : "dynamic");
  if ((actual === "differencing") !== (parent !== undefined)) {
    throw refused(path, "a differencing disk has a parent, and no other kind does", [
      actual === "differencing"
        ? "Say which image it is based on: pass `parent`."
        : "Leave `subtype` or `parent` out.",
    ]);
  }
  if (isRaw && actual !== "fixed") {
    throw refused(path, "a raw disk image is fixed", ["Leave `subtype` out."]);
  }
  if (isRaw && identifier !== undefined) {
    throw refused(path, "a raw disk image has no identifier", ["Leave `identifier` out."]);
  }
  return actual;
}

/**
 * Applies the defaults and limits of the format.
 *
 * @param parent Of a differencing disk.
 * @param source The disk that the new one is a copy of.
 */
export function imageSpec(
  request: NewDisk,
  parent: { readonly image: DiskImage; readonly spec: ParentSpec } | undefined,
  source: SourceDisk | undefined,
): ImageSpec {
  const { path } = request;
  const rules = RULES[formatToCreate(request)];
  const subtype = subtypeToCreate(request);
  const inherited = parent?.image;
  const logicalSectorSize = choose(
    path,
    "sectorSize",
    request.sectorSize,
    inherited?.logicalSectorSize ?? sectorSizeOfCopy(request, rules, source) ?? 512,
    inherited === undefined ? rules.sectorSizes : [inherited.logicalSectorSize],
  );
  const physicalSectorSize = choose(
    path,
    "physicalSectorSize",
    request.physicalSectorSize,
    inherited?.physicalSectorSize ?? rules.defaultPhysicalSectorSize,
    inherited === undefined ? rules.physicalSectorSizes : [inherited.physicalSectorSize],
  );
  const virtualSize = inherited === undefined
    ? newDiskSize(request, source, {
      maximum: rules.maximumSize,
      unit: rules.sectorSizes.length === 0 ? 1 : logicalSectorSize,
    })
    : inheritSize(request, inherited);
  const blockSize = subtype === "fixed"
    ? choose(
      path,
      "blockSize of a fixed disk",
      request.blockSize,
      rules.fixedBlockSize(virtualSize),
      [],
    )
    : choose(
      path,
      "blockSize",
      request.blockSize,
      rules.defaultBlockSize(inherited),
      rules.blockSizes,
    );
  return {
    subtype,
    virtualSize,
    blockSize,
    logicalSectorSize,
    physicalSectorSize,
    identifier: request.identifier ?? inheritedIdentifier(inherited) ?? crypto.randomUUID(),
    parent: parent?.spec,
    items: inherited === undefined ? [] : diskItems(inherited),
  };
}

/** What is on a disk counts in its sectors: a copy with others would hold the same bytes to no use. */
function sectorSizeOfCopy(
  { path, sectorSize }: NewDisk,
  { sectorSizes }: FormatRules,
  source: SourceDisk | undefined,
): number | undefined {
  const own = source?.logicalSectorSize;
  if (own === undefined || sectorSizes.length === 0 || sectorSizes.includes(own)) return own;
  if (sectorSize !== undefined) return undefined;
  throw refused(path, `the source has sectors of ${own} bytes, which the format does not`, [
    "Choose VHDX, or pass `sectorSize` to copy the bytes all the same.",
  ]);
}

/** The virtual disk id of a VHDX goes over to its children; a VHD's unique id is its own. */
function inheritedIdentifier(parent: DiskImage | undefined): string | undefined {
  return parent?.format === "vhdx" ? parent.virtualDiskId : undefined;
}

function choose(
  path: string,
  name: string,
  wanted: number | undefined,
  byDefault: number,
  allowed: readonly number[],
): number {
  if (wanted === undefined) return byDefault;
  byteCount(wanted, name);
  if (allowed.includes(wanted)) return wanted;
  const rule = allowed.length === 0
    ? "cannot be chosen here"
    : `must be ${rangeText(allowed)}, not ${sizeText(wanted)}`;
  throw new ImageError("ERROR_INVALID_PARAMETER", {
    path,
    reason: `${name} ${rule}`,
    about: [name.split(" ")[0]!],
  });
}

/** Few values one by one, many as what lies between. */
function rangeText(allowed: readonly number[]): string {
  const [first, ...others] = allowed.map(sizeText);
  return others.length < 3
    ? [first, ...others].join(" or ")
    : `a power of two from ${first} to ${others.at(-1)}`;
}

function inheritSize({ path, size }: NewDisk, parent: DiskImage): number {
  if (size !== undefined) {
    throw refused(path, "a differencing disk has its parent's size", ["Leave `size` out."]);
  }
  return parent.virtualSize;
}

/** The largest block of which the disk is a whole number, so that a small disk wastes no space. */
function fixedBlockSize(size: number): number {
  let blockSize = 32 * MIB;
  while (size < FIXED_FULL_BLOCKS && blockSize > MIB && size % blockSize !== 0) blockSize /= 2;
  return blockSize;
}

function refused(path: string, reason: string, causes?: readonly string[]): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", { path, reason, causes });
}
