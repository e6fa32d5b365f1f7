/* The functions of virtdisk.h, for whatever there is one of for each. */
#ifndef VIRTDISK_DOUBLE_FUNCTIONS_H
#define VIRTDISK_DOUBLE_FUNCTIONS_H

#define FUNCTIONS(X)                        \
  X(OpenVirtualDisk)                        \
  X(CreateVirtualDisk)                      \
  X(AttachVirtualDisk)                      \
  X(DetachVirtualDisk)                      \
  X(GetVirtualDiskPhysicalPath)             \
  X(GetAllAttachedVirtualDiskPhysicalPaths) \
  X(GetStorageDependencyInformation)        \
  X(GetVirtualDiskInformation)              \
  X(SetVirtualDiskInformation)              \
  X(EnumerateVirtualDiskMetadata)           \
  X(GetVirtualDiskMetadata)                 \
  X(SetVirtualDiskMetadata)                 \
  X(DeleteVirtualDiskMetadata)              \
  X(GetVirtualDiskOperationProgress)        \
  X(CompactVirtualDisk)                     \
  X(MergeVirtualDisk)                       \
  X(ExpandVirtualDisk)                      \
  X(ResizeVirtualDisk)                      \
  X(MirrorVirtualDisk)                      \
  X(BreakMirrorVirtualDisk)                 \
  X(AddVirtualDiskParent)                   \
  X(QueryChangesVirtualDisk)                \
  X(TakeSnapshotVhdSet)                     \
  X(DeleteSnapshotVhdSet)                   \
  X(ModifyVhdSet)                           \
  X(ApplySnapshotVhdSet)                    \
  X(RawSCSIVirtualDisk)                     \
  X(ForkVirtualDisk)                        \
  X(CompleteForkVirtualDisk)

#define FUNCTION_ENUMERATOR(name) FN_##name,
typedef enum { FUNCTIONS(FUNCTION_ENUMERATOR) FUNCTION_COUNT } function_t;

#endif
