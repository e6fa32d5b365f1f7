/**
 * The options of a script turned into what CreateVirtualDisk takes.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-createvirtualdisk}
 * @module
 */
import { CREATE_VIRTUAL_DISK_FLAG } from "../constants.ts";
import type { CreateFlag, CreateOptions } from "../disk/create_options.ts";
import { pathForWindows, toHostSource } from "../disk/disk_source.ts";
import { virtualDiskError } from "../errors/error.ts";
import { flagBits, guidOption, toHostPath, uint32 } from "../disk/arguments.ts";
import type { ImageType } from "../disk/open_options.ts";
import {
  ACCESS_BITS,
  OPEN_FLAG_BITS,
  storageTypeOf,
  type StorageTypeRequest,
} from "../disk/open_request.ts";
import { sizeOf } from "../disk/size.ts";
import type { CreateVirtualDiskParameters, VirtualStorageType } from "./ffi/structs.ts";

/** The arguments of CreateVirtualDisk; paths are of the host, not made absolute yet. */
export interface NativeCreateRequest {
  readonly path: string;
  readonly storageType: StorageTypeRequest;
  readonly accessMask: number;
  readonly flags: number;
  readonly securityDescriptor: Uint8Array<ArrayBuffer> | null;
  readonly overwrite: boolean;
  /** The options that may be at fault if Windows refuses them; the likeliest alone if one certainly is. */
  readonly about: readonly string[];
  /** What the parameters point to. */
  readonly paths: CreatePathNames;
  /** The parameters, given the addresses of those names; 0 for a name that is not there. */
  readonly parameters: (
    addresses: Record<keyof CreatePathNames, bigint>,
  ) => CreateVirtualDiskParameters;
}

/** The names that the parameters point to. */
export interface CreatePathNames {
  readonly parent: string | undefined;
  readonly source: string | undefined;
  /** A path, or with USE_CHANGE_TRACKING_SOURCE_LIMIT an id. */
  readonly sourceLimit: string | undefined;
}

const FLAG_BITS: Record<CreateFlag, number> = {
  "prevent-writes-to-source-disk": CREATE_VIRTUAL_DISK_FLAG.PREVENT_WRITES_TO_SOURCE_DISK,
  "do-not-copy-metadata-from-parent": CREATE_VIRTUAL_DISK_FLAG.DO_NOT_COPY_METADATA_FROM_PARENT,
  "create-backing-storage": CREATE_VIRTUAL_DISK_FLAG.CREATE_BACKING_STORAGE,
  "use-change-tracking-source-limit": CREATE_VIRTUAL_DISK_FLAG.USE_CHANGE_TRACKING_SOURCE_LIMIT,
  "preserve-parent-change-tracking-state":
    CREATE_VIRTUAL_DISK_FLAG.PRESERVE_PARENT_CHANGE_TRACKING_STATE,
  "vhd-set-use-original-backing-storage":
    CREATE_VIRTUAL_DISK_FLAG.VHD_SET_USE_ORIGINAL_BACKING_STORAGE,
  "sparse-file": CREATE_VIRTUAL_DISK_FLAG.SPARSE_FILE,
  "pmem-compatible": CREATE_VIRTUAL_DISK_FLAG.PMEM_COMPATIBLE,
  "support-compressed-volumes": CREATE_VIRTUAL_DISK_FLAG.SUPPORT_COMPRESSED_VOLUMES,
  "support-sparse-files-any-fs": CREATE_VIRTUAL_DISK_FLAG.SUPPORT_SPARSE_FILES_ANY_FS,
};

/** Options that a version 1 create does not have. */
const VERSION_2_OPTIONS = [
  "physicalSectorSize",
  "openFlags",
  "resiliencyGuid",
  "parentType",
  "sourceType",
  "sourceLimitPath",
  "backingStorageType",
  "pmemAddressAbstractionType",
  "dataAlignment",
] as const satisfies (keyof CreateOptions)[];

/**
 * Makes the request of a create.
 *
 * @throws {TypeError} Where an option is of the wrong kind or an unknown word, or the size is missing.
 * @throws {RangeError} Where a number does not fit.
 * @throws {VirtualDiskError} `ERROR_INVALID_PARAMETER` where options exclude each other.
 */
export function nativeCreateRequest(
  path: string | URL,
  options: CreateOptions,
): NativeCreateRequest {
  const hostPath = toHostPath(path);
  checkTogether(hostPath, options);
  const fixed = options.subtype === "fixed" ? CREATE_VIRTUAL_DISK_FLAG.FULL_PHYSICAL_ALLOCATION : 0;
  const { parent, sourceLimitPath: sourceLimit } = options;
  const { type, source, sourceType } = imagesOf(hostPath, options);
  const sourcePath = source === undefined
    ? undefined
    : pathForWindows(toHostSource(source, "source"), "CreateVirtualDisk");
  return {
    path: hostPath,
    storageType: storageTypeOf(type, "type"),
    accessMask: flagBits(options.access, ACCESS_BITS, "access"),
    flags: (flagBits(options.flags, FLAG_BITS, "flags") | fixed) >>> 0,
    securityDescriptor: options.securityDescriptor ?? null,
    overwrite: options.overwrite ?? false,
    about: suspects(options),
    paths: {
      parent: parent === undefined ? undefined : toHostPath(parent, "parent"),
      source: sourcePath,
      sourceLimit,
    },
    parameters: parametersOf(options, sourceType),
  };
}

/** Windows has one code for all options: those come first that break its documented limits. */
function suspects(options: CreateOptions): string[] {
  const bytes = (name: "size" | "blockSize" | "sectorSize" | "physicalSectorSize") => {
    const size = options[name];
    return size === undefined ? undefined : sizeOf(size, name);
  };
  const isSector = (size: number) => size === 512 || size === 4096;
  const isBlock = (size: number) =>
    options.subtype !== "fixed" && size >= 2 ** 19 && size <= 2 ** 28 &&
    Number.isInteger(Math.log2(size));
  const isSize = (size: number) => size >= 3 * 2 ** 20 && size % (bytes("sectorSize") || 512) === 0;
  const rules = {
    blockSize: isBlock,
    sectorSize: isSector,
    physicalSectorSize: isSector,
    size: isSize,
  } as const;
  const given = (Object.keys(rules) as (keyof typeof rules)[])
    .flatMap((name) => {
      const size = bytes(name);
      return size === undefined ? [] : [{ name, isRight: rules[name](size) }];
    });
  const wrong = given.filter(({ isRight }) => !isRight);
  const files = (["parent", "source"] as const).filter((name) => options[name] !== undefined);
  const kind = options.subtype === "fixed" ? ["fixed"] : [];
  return [...(wrong.length > 0 ? wrong : given).map(({ name }) => name), ...files, ...kind];
}

function checkTogether(path: string, options: CreateOptions): void {
  const { subtype, parent, source, size, access } = options;
  if (path === "") throw invalid(path, "the path is empty");
  if (parent !== undefined && source !== undefined) {
    throw invalid(path, "a disk has a parent or a source, not both");
  }
  if (subtype !== undefined && (subtype === "differencing") !== (parent !== undefined)) {
    throw invalid(path, "a differencing disk has a parent, and no other kind does");
  }
  if (options.preallocate === true && subtype !== "fixed") {
    throw invalid(path, "preallocate is for fixed disks: the files of others grow");
  }
  if (parent !== undefined && size !== undefined) {
    throw invalid(path, "a differencing disk has its parent's size");
  }
  if (parent === undefined && source === undefined && size === undefined) {
    throw new TypeError("size is missing");
  }
  const newer = VERSION_2_OPTIONS.find((name) => options[name] !== undefined);
  if (access !== undefined && newer !== undefined) {
    throw invalid(path, `access makes a version 1 create, which excludes ${newer}`);
  }
}

/** The options of which some values are for the portable backend alone. */
function imagesOf(path: string, options: CreateOptions) {
  const { type, source, sourceType, sourceParents, alignment, freeSpace, damage } = options;
  if (sourceParents !== undefined) throw unsupported(path, "the option sourceParents");
  if (freeSpace === true) throw unsupported(path, "the option freeSpace");
  if (damage === "tolerate") throw unsupported(path, 'the option damage: "tolerate"');
  if (alignment !== undefined) throw unsupported(path, "the option alignment");
  if (type === "raw" || sourceType === "raw") throw unsupported(path, "raw images");
  if (source instanceof ReadableStream) throw unsupported(path, "streams as a source");
  return { type, source, sourceType };
}

function parametersOf(
  options: CreateOptions,
  sourceType: ImageType | undefined,
): NativeCreateRequest["parameters"] {
  const common = {
    UniqueId: guidOption(options.identifier, "identifier"),
    MaximumSize: BigInt(sizeOf(options.size ?? 0, "size")),
    BlockSizeInBytes: uint32(sizeOf(options.blockSize ?? 0, "blockSize"), "blockSize"),
    SectorSizeInBytes: uint32(sizeOf(options.sectorSize ?? 0, "sectorSize"), "sectorSize"),
  };
  if (options.access !== undefined) {
    return ({ parent, source }) => ({
      Version: 1,
      Version1: { ...common, ParentPath: parent, SourcePath: source },
    });
  }
  const version2 = {
    ...common,
    PhysicalSectorSizeInBytes: uint32(
      sizeOf(options.physicalSectorSize ?? 0, "physicalSectorSize"),
      "physicalSectorSize",
    ),
    OpenFlags: flagBits(options.openFlags, OPEN_FLAG_BITS, "openFlags"),
    ParentVirtualStorageType: structOf(storageTypeOf(options.parentType, "parentType")),
    SourceVirtualStorageType: structOf(storageTypeOf(sourceType, "sourceType")),
    ResiliencyGuid: guidOption(options.resiliencyGuid, "resiliencyGuid"),
  };
  const version3 = {
    ...version2,
    BackingStorageType: structOf(storageTypeOf(options.backingStorageType, "backingStorageType")),
  };
  const version4 = {
    ...version3,
    PmemAddressAbstractionType: guidOption(
      options.pmemAddressAbstractionType,
      "pmemAddressAbstractionType",
    ),
    DataAlignment: BigInt(sizeOf(options.dataAlignment ?? 0, "dataAlignment")),
  };
  const version = versionOf(options);
  return ({ parent, source, sourceLimit }) => {
    const paths = { ParentPath: parent, SourcePath: source };
    if (version === 2) return { Version: 2, Version2: { ...version2, ...paths } };
    const limited = { ...paths, SourceLimitPath: sourceLimit };
    return version === 3
      ? { Version: 3, Version3: { ...version3, ...limited } }
      : { Version: 4, Version4: { ...version4, ...limited } };
  };
}

/** The oldest version that has all that is asked for: an older Windows knows only older ones. */
function versionOf(options: CreateOptions): 2 | 3 | 4 {
  if (options.pmemAddressAbstractionType !== undefined || options.dataAlignment !== undefined) {
    return 4;
  }
  return options.sourceLimitPath !== undefined || options.backingStorageType !== undefined ? 3 : 2;
}

function structOf({ deviceId, vendorId }: StorageTypeRequest): VirtualStorageType {
  return { DeviceId: deviceId, VendorId: vendorId };
}

function invalid(path: string, reason: string): Error {
  return virtualDiskError("ERROR_INVALID_PARAMETER", "CreateVirtualDisk", { path, reason });
}

function unsupported(path: string, what: string): Error {
  return virtualDiskError("ERROR_NOT_SUPPORTED", "CreateVirtualDisk", {
    path,
    reason: `the native backend does not have ${what}`,
    causes: ['The portable backend does: use { backend: "portable" }.'],
  });
}
