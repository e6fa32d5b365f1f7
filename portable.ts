/**
 * The portable backend alone: VHD, VHDX, ISO and raw images opened, created, read, written, converted, checked and
 * maintained in TypeScript, on every system. Nothing of Windows is loaded, and no FFI code; what it needs is
 * `--allow-read`, and `--allow-write` to change an image.
 *
 * Its functions are those of `@virtdisk/virtdisk` with `{ backend: "portable" }`.
 *
 * @example Read the first sector
 * ```ts
 * import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
 *
 * const path = `${await Deno.makeTempDir()}/disk.vhdx`;
 * (await createVirtualDisk(path, { size: "64MiB" })).close();
 *
 * using disk = await openVirtualDisk(path);
 * const sector = new Uint8Array(512);
 * disk.readSync(sector, 0);
 * ```
 *
 * @module
 */
export { type Backend } from "./src/disk/arguments.ts";
export {
  type AttachedVolume,
  type Attachment,
  type AttachOptions,
  type DetachOptions,
  type RestrictedRange,
} from "./src/disk/attachment.ts";
export {
  type DiskRange,
  type ReadableOptions,
  type WritableOptions,
  type ZeroOptions,
} from "./src/disk/contents.ts";
export {
  type ConversionReport,
  type ConvertOptions,
  type RebaseOptions,
  type RebaseReport,
} from "./src/disk/conversion.ts";
export {
  type CommonCreateOptions,
  type CreateFlag,
  type CreateOptions,
  type NativeCreateOptions,
} from "./src/disk/create_options.ts";
export {
  type ApplySnapshotOptions,
  type ChangedRange,
  type ChangeQueryOptions,
  type DeleteSnapshotOptions,
  type ScsiRequest,
  type ScsiResponse,
  type TakeSnapshotOptions,
  type VhdSetChange,
} from "./src/disk/driver_options.ts";
export { type DiskSource, type RandomAccess } from "./src/disk/disk_source.ts";
export {
  type DiagnoseOptions,
  type Diagnosis,
  type Finding,
  type FindingSubject,
  type Severity,
} from "./src/disk/finding.ts";
export {
  type DiskFreeSpace,
  type FreeSpaceRange,
  type FreeSpaceReport,
  type PartitionSpace,
} from "./src/disk/free_space.ts";
export {
  type ChangeTrackingState,
  type DiskFormat,
  type DiskSize,
  type InformationKind,
  type InformationOptions,
  type ParentLocation,
  type ParentPath,
  type PhysicalDiskInformation,
  type ProviderSubtype,
  type SettableInformation,
  type SettableKind,
  type StorageType,
  type VirtualDiskInformation,
} from "./src/disk/information.ts";
export { VirtualDiskMetadata } from "./src/disk/metadata.ts";
export {
  type AccessRight,
  type ImageType,
  type OpenFlag,
  type OpenOptions,
} from "./src/disk/open_options.ts";
export {
  type CompactionReport,
  type CompactOptions,
  type CompleteCompactionReport,
  type ExpandOptions,
  type ForkOptions,
  type GrowablePartition,
  type MergeOptions,
  type MergeReport,
  type MirrorOptions,
  type ResizeOptions,
  type ResizeReport,
  type SmallestSafeSize,
} from "./src/disk/operation_options.ts";
export { type OperationOptions, type Progress } from "./src/disk/progress.ts";
export { parseSize, type Size } from "./src/disk/size.ts";
export {
  type DependentDiskFlag,
  type StorageDependency,
  type StorageDependencyKind,
} from "./src/disk/storage_dependency.ts";
export { VirtualDisk } from "./src/disk/virtual_disk.ts";
export { type ErrorSymbol } from "./src/errors/codes.ts";
export {
  type ErrorDetail,
  VirtualDiskError,
  type VirtualDiskErrorOptions,
} from "./src/errors/error.ts";
export {
  type Extent,
  type FileExtent,
  type ParentExtent,
  type ZeroExtent,
} from "./src/portable/image/extents.ts";
export {
  type CheckFinding,
  type CheckOptions,
  type CheckReport,
} from "./src/portable/image/findings.ts";
export { type IsoFileSystem, type IsoVolume } from "./src/portable/image/image.ts";
export { checkVirtualDisk, type FileCheckOptions } from "./src/portable/operations/check.ts";
export {
  type CompareOptions,
  compareVirtualDisks,
  type DifferentRange,
  virtualDiskChanges,
} from "./src/portable/operations/compare.ts";
export {
  type DiskDetails,
  type ImageDetails,
  type PartitionTableDetails,
} from "./src/portable/operations/details.ts";
export {
  type ImageStream,
  type ImageStreamOptions,
} from "./src/portable/operations/image_stream.ts";
export { type Partition } from "./src/portable/partitions/partitioned_disk.ts";
export { PortableVirtualDisk } from "./src/portable/portable_disk.ts";
export {
  convertVirtualDisk,
  createVirtualDisk,
  diagnose,
  openVirtualDisk,
  openVirtualDiskSync,
  rebaseVirtualDisk,
} from "./src/portable_doors.ts";
