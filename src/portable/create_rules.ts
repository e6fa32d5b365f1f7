/**
 * The rules of CreateVirtualDisk that need no file: defaults, limits and which options go together.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/ns-virtdisk-create_virtual_disk_parameters}
 * @module
 */
import type { DiskImage } from "./image.ts";
import { ImageError } from "./image_error.ts";
import type { ImageSpec, ParentSpec } from "./image_spec.ts";
import { formatOfExtension } from "./detect.ts";

/** What a caller wants to be created; what is absent or `undefined` has its default. */
export interface CreateRequest {
  readonly path: string;
  readonly type?: "vhd" | "vhdx" | undefined;
  readonly subtype?: ImageSpec["subtype"] | undefined;
  readonly size?: number | undefined;
  readonly blockSize?: number | undefined;
  readonly sectorSize?: number | undefined;
  readonly physicalSectorSize?: number | undefined;
  readonly parent?: string | undefined;
  readonly identifier?: string | undefined;
  readonly overwrite: boolean;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const TIB = 1024 * GIB;

const MINIMUM_SIZE = 3 * MIB;
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

const RULES: Record<"vhd" | "vhdx", FormatRules> = {
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
};

/** The format to create. */
export function formatToCreate({ path, type }: CreateRequest): "vhd" | "vhdx" {
  if (type === "vhd" || type === "vhdx") return type;
  if (type !== undefined) throw new TypeError(`type: unknown word ${JSON.stringify(type)}`);
  const format = formatOfExtension(path);
  if (format === "vhd" || format === "vhdx") return format;
  throw refused(path, "the extension names neither VHD nor VHDX", ["Pass the `type` option."]);
}

/** The allocation of the new image. */
export function subtypeToCreate({ path, subtype, parent }: CreateRequest): ImageSpec["subtype"] {
  const actual = subtype ?? (parent === undefined ? "dynamic" : "differencing");
  if (actual !== "dynamic" && actual !== "fixed" && actual !== "differencing") {
    throw new TypeError(`subtype: unknown word ${JSON.stringify(subtype)}`);
  }
  if ((actual === "differencing") !== (parent !== undefined)) {
    throw refused(path, "a differencing disk has a parent, and no other kind does");
  }
  return actual;
}

/** Applies the defaults and limits of the format. */
export function imageSpec(
  request: CreateRequest,
  parent: { readonly image: DiskImage; readonly spec: ParentSpec } | undefined,
): ImageSpec {
  const { path } = request;
  const rules = RULES[formatToCreate(request)];
  const subtype = subtypeToCreate(request);
  const inherited = parent?.image;
  const logicalSectorSize = choose(
    path,
    "sectorSize",
    request.sectorSize,
    inherited?.logicalSectorSize ?? 512,
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
    ? checkSize(path, request.size, logicalSectorSize, rules.maximumSize)
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
  };
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
  checkInteger(name, wanted);
  if (allowed.includes(wanted)) return wanted;
  const choices = allowed.length === 0 ? "it cannot be chosen" : `allowed: ${allowed.join(", ")}`;
  throw refused(path, `${name} ${wanted}: ${choices}`);
}

function checkSize(
  path: string,
  size: number | undefined,
  sectorSize: number,
  maximum: number,
): number {
  if (size === undefined) throw new TypeError("size is missing");
  checkInteger("size", size);
  if (size < MINIMUM_SIZE || size % sectorSize !== 0) {
    throw refused(path, `size ${size}: less than 3 MiB or not a multiple of ${sectorSize}`);
  }
  if (size > maximum) {
    throw new ImageError("ERROR_VHD_INVALID_SIZE", {
      path,
      reason: `size ${size}: the format holds at most ${maximum}`,
    });
  }
  return size;
}

function inheritSize({ path, size }: CreateRequest, parent: DiskImage): number {
  if (size !== undefined) throw refused(path, "a differencing disk has its parent's size");
  return parent.virtualSize;
}

/** The largest block of which the disk is a whole number, so that a small disk wastes no space. */
function fixedBlockSize(size: number): number {
  let blockSize = 32 * MIB;
  while (size < FIXED_FULL_BLOCKS && blockSize > MIB && size % blockSize !== 0) blockSize /= 2;
  return blockSize;
}

function checkInteger(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${name} is no safe integer from 0 on: ${value}`);
  }
}

function refused(path: string, reason: string, causes?: readonly string[]): ImageError {
  return new ImageError("ERROR_INVALID_PARAMETER", { path, reason, causes });
}
