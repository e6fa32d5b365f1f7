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
export { findVirtualDiskChains } from "./src/chains.ts";
export { checkVirtualDisk } from "./src/check.ts";
export { compareVirtualDisks, virtualDiskChanges } from "./src/compare.ts";
export type { Backend } from "./src/disk/arguments.ts";
export type {
  AttachedVolume,
  Attachment,
  AttachOptions,
  DetachOptions,
  RestrictedRange,
} from "./src/disk/attachment.ts";
export type {
  DiskRange,
  ReadableOptions,
  WritableOptions,
  ZeroOptions,
} from "./src/disk/contents.ts";
export type {
  ConversionReport,
  ConvertOptions,
  RebaseOptions,
  RebaseReport,
} from "./src/disk/conversion.ts";
export type {
  CommonCreateOptions,
  CreateFlag,
  CreateOptions,
  NativeCreateOptions,
} from "./src/disk/create_options.ts";
export type {
  AssumedDisk,
  DamageFinding,
  DiskDamage,
  LossReason,
  LostRange,
  PartitionDamage,
} from "./src/disk/damage.ts";
export type {
  ApplySnapshotOptions,
  ChangedRange,
  ChangeQueryOptions,
  DeleteSnapshotOptions,
  ScsiRequest,
  ScsiResponse,
  TakeSnapshotOptions,
  VhdSetChange,
} from "./src/disk/driver_options.ts";
export type { DiskSource, RandomAccess } from "./src/disk/disk_source.ts";
export type {
  DiagnoseOptions,
  Diagnosis,
  Finding,
  FindingSubject,
  Severity,
} from "./src/disk/finding.ts";
export type {
  DiskFreeSpace,
  FreeSpaceRange,
  FreeSpaceReport,
  PartitionSpace,
} from "./src/disk/free_space.ts";
export type {
  ChangeTrackingState,
  DiskFormat,
  DiskSize,
  InformationKind,
  InformationOptions,
  ParentLocation,
  ParentPath,
  PhysicalDiskInformation,
  ProviderSubtype,
  SettableInformation,
  SettableKind,
  StorageType,
  VirtualDiskInformation,
} from "./src/disk/information.ts";
export { VirtualDiskMetadata } from "./src/disk/metadata.ts";
export type { AccessRight, ImageType, OpenFlag, OpenOptions } from "./src/disk/open_options.ts";
export type {
  CompactionReport,
  CompactOptions,
  CompleteCompactionReport,
  ExpandOptions,
  ForkOptions,
  GrowablePartition,
  MergeOptions,
  MergeReport,
  MirrorOptions,
  ResizeOptions,
  ResizeReport,
  SmallestSafeSize,
} from "./src/disk/operation_options.ts";
export type { OperationOptions, Progress } from "./src/disk/progress.ts";
export { parseSize, type Size } from "./src/disk/size.ts";
export type {
  DependentDiskFlag,
  StorageDependency,
  StorageDependencyKind,
} from "./src/disk/storage_dependency.ts";
export { VirtualDisk } from "./src/disk/virtual_disk.ts";
export type { ErrorSymbol } from "./src/errors/codes.ts";
export {
  type ErrorDetail,
  VirtualDiskError,
  type VirtualDiskErrorOptions,
} from "./src/errors/error.ts";
export type {
  Extent,
  FileExtent,
  LostExtent,
  ParentExtent,
  ZeroExtent,
} from "./src/portable/image/extents.ts";
export type { CheckFinding, CheckOptions, CheckReport } from "./src/portable/image/findings.ts";
export type { IsoFileSystem, IsoVolume } from "./src/portable/image/image.ts";
export type { FileCheckOptions } from "./src/portable/operations/check.ts";
export type { CompareOptions, DifferentRange } from "./src/portable/operations/compare.ts";
export type { DamageOptions } from "./src/portable/operations/damage.ts";
export type {
  DiskDetails,
  ImageDetails,
  PartitionTableDetails,
} from "./src/portable/operations/details.ts";
export type {
  ChainError,
  ChainFile,
  ChainImageFacts,
  ChainLink,
} from "./src/portable/operations/image_chains.ts";
export type { ImageStream, ImageStreamOptions } from "./src/portable/operations/image_stream.ts";
export type { Partition } from "./src/portable/partitions/partitioned_disk.ts";
export { PortableVirtualDisk } from "./src/portable/portable_disk.ts";
export {
  convertVirtualDisk,
  createVirtualDisk,
  diagnose,
  openVirtualDisk,
  openVirtualDiskSync,
  rebaseVirtualDisk,
} from "./src/portable_doors.ts";
