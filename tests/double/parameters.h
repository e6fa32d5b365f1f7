/* The structures of virtdisk.h beyond opening and asking, in fixed-width types like virtdisk.h beside
   this file. */
#ifndef VIRTDISK_DOUBLE_PARAMETERS_H
#define VIRTDISK_DOUBLE_PARAMETERS_H

#include "virtdisk.h"

/* The newest version of the structure; each older one is its beginning, but for version 1 of creating,
   which has the two paths where the physical sector size is now. */
typedef struct {
  guid_t UniqueId;
  uint64_t MaximumSize;
  uint32_t BlockSizeInBytes, SectorSizeInBytes;
  const unit_t *ParentPath, *SourcePath;
} CREATE_VERSION_1_;

typedef struct {
  guid_t UniqueId;
  uint64_t MaximumSize;
  uint32_t BlockSizeInBytes, SectorSizeInBytes, PhysicalSectorSizeInBytes;
  const unit_t *ParentPath, *SourcePath;
  uint32_t OpenFlags;
  VIRTUAL_STORAGE_TYPE_ ParentVirtualStorageType, SourceVirtualStorageType;
  guid_t ResiliencyGuid;
  const unit_t *SourceLimitPath;
  VIRTUAL_STORAGE_TYPE_ BackingStorageType;
  guid_t PmemAddressAbstractionType;
  uint64_t DataAlignment;
} CREATE_VERSION_4_;

typedef struct {
  uint32_t Version;
  union {
    CREATE_VERSION_1_ Version1;
    CREATE_VERSION_4_ Version4;
  };
} CREATE_VIRTUAL_DISK_PARAMETERS_;

typedef struct {
  uint32_t Version;
  union {
    struct {
      uint32_t Reserved;
    } Version1;
    struct {
      uint64_t RestrictedOffset, RestrictedLength;
    } Version2;
  };
} ATTACH_VIRTUAL_DISK_PARAMETERS_;

typedef struct {
  uint32_t Version, Reserved;
} COMPACT_VIRTUAL_DISK_PARAMETERS_;

typedef struct {
  uint32_t Version;
  union {
    struct {
      uint32_t MergeDepth;
    } Version1;
    struct {
      uint32_t MergeSourceDepth, MergeTargetDepth;
    } Version2;
  };
} MERGE_VIRTUAL_DISK_PARAMETERS_;

/* EXPAND_ and RESIZE_VIRTUAL_DISK_PARAMETERS. */
typedef struct {
  uint32_t Version;
  uint64_t NewSize;
} SIZE_PARAMETERS_;

/* MIRROR_ and FORK_VIRTUAL_DISK_PARAMETERS. */
typedef struct {
  uint32_t Version;
  const unit_t *Path;
} COPY_PARAMETERS_;

typedef struct {
  uint32_t OperationStatus;
  uint64_t CurrentValue, CompletionValue;
} VIRTUAL_DISK_PROGRESS_;

typedef struct {
  uint64_t ByteOffset, ByteLength, Reserved;
} QUERY_CHANGES_VIRTUAL_DISK_RANGE_;

typedef struct {
  uint32_t Version;
  union {
    const unit_t *ParentFilePath;
    guid_t UniqueIdentifier;
    struct {
      uint32_t ChildDepth;
      const unit_t *ParentFilePath;
    } ParentPathWithDepthInfo;
    uint32_t VhdPhysicalSectorSize;
    guid_t VirtualDiskId;
    bool32_t ChangeTrackingEnabled;
    struct {
      guid_t LinkageId;
      const unit_t *ParentFilePath;
    } ParentLocator;
  };
} SET_VIRTUAL_DISK_INFO_;

typedef struct {
  uint32_t DependencyTypeFlags, ProviderSpecificFlags;
  VIRTUAL_STORAGE_TYPE_ VirtualStorageType;
} STORAGE_DEPENDENCY_INFO_TYPE_1_;

typedef struct {
  uint32_t DependencyTypeFlags, ProviderSpecificFlags;
  VIRTUAL_STORAGE_TYPE_ VirtualStorageType;
  uint32_t AncestorLevel;
  unit_t *Strings[4]; /* device, host volume, dependent volume, path on the host volume */
} STORAGE_DEPENDENCY_INFO_TYPE_2_;

/* Of STORAGE_DEPENDENCY_INFO: its entries follow. */
typedef struct {
  uint32_t Version, NumberEntries;
} STORAGE_DEPENDENCY_HEAD_;

/* TAKE_, DELETE_ and APPLY_SNAPSHOT_VHDSET_PARAMETERS: the last alone has the second id. */
typedef struct {
  uint32_t Version;
  guid_t SnapshotId, LeafSnapshotId;
} SNAPSHOT_PARAMETERS_;

typedef struct {
  uint32_t Version;
  union {
    struct {
      guid_t SnapshotId;
      const unit_t *SnapshotFilePath;
    } SnapshotPath;
    guid_t SnapshotId;
    const unit_t *DefaultFilePath;
  };
} MODIFY_VHDSET_PARAMETERS_;

typedef struct {
  uint32_t Version;
  struct {
    bool32_t RSVDHandle;
    uint8_t DataIn, CdbLength, SenseInfoLength;
    uint32_t SrbFlags, DataTransferLength;
    void *DataBuffer;
    uint8_t *SenseInfo, *Cdb;
  } Version1 __attribute__((aligned(8)));
} RAW_SCSI_VIRTUAL_DISK_PARAMETERS_;

typedef struct {
  uint32_t Version;
  uint8_t ScsiStatus, SenseInfoLength;
  uint32_t DataTransferLength;
} RAW_SCSI_VIRTUAL_DISK_RESPONSE_;

/* OVERLAPPED, whose first two members the system writes. */
typedef struct {
  uintptr_t Internal, InternalHigh;
  uint32_t Offset, OffsetHigh;
  handle_t hEvent;
} OVERLAPPED_;

ASSERT_SIZE(CREATE_VIRTUAL_DISK_PARAMETERS_, 184);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version1.UniqueId, 8);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version1.ParentPath, 40);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version1.SourcePath, 48);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.MaximumSize, 24);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.PhysicalSectorSizeInBytes, 40);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.ParentPath, 48);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.OpenFlags, 64);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.SourceVirtualStorageType, 88);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.ResiliencyGuid, 108);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.SourceLimitPath, 128);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.BackingStorageType, 136);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.PmemAddressAbstractionType, 156);
ASSERT_AT(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.DataAlignment, 176);
ASSERT_SIZE(ATTACH_VIRTUAL_DISK_PARAMETERS_, 24);
ASSERT_AT(ATTACH_VIRTUAL_DISK_PARAMETERS_, Version1.Reserved, 8);
ASSERT_SIZE(COMPACT_VIRTUAL_DISK_PARAMETERS_, 8);
ASSERT_SIZE(MERGE_VIRTUAL_DISK_PARAMETERS_, 12);
ASSERT_SIZE(SIZE_PARAMETERS_, 16);
ASSERT_SIZE(COPY_PARAMETERS_, 16);
ASSERT_SIZE(VIRTUAL_DISK_PROGRESS_, 24);
ASSERT_SIZE(QUERY_CHANGES_VIRTUAL_DISK_RANGE_, 24);
ASSERT_SIZE(SET_VIRTUAL_DISK_INFO_, 32);
ASSERT_AT(SET_VIRTUAL_DISK_INFO_, ParentPathWithDepthInfo.ParentFilePath, 16);
ASSERT_AT(SET_VIRTUAL_DISK_INFO_, ParentLocator.ParentFilePath, 24);
ASSERT_SIZE(STORAGE_DEPENDENCY_INFO_TYPE_1_, 28);
ASSERT_SIZE(STORAGE_DEPENDENCY_INFO_TYPE_2_, 64);
ASSERT_AT(STORAGE_DEPENDENCY_INFO_TYPE_2_, Strings, 32);
ASSERT_SIZE(STORAGE_DEPENDENCY_HEAD_, 8);
ASSERT_SIZE(SNAPSHOT_PARAMETERS_, 36);
ASSERT_SIZE(MODIFY_VHDSET_PARAMETERS_, 32);
ASSERT_AT(MODIFY_VHDSET_PARAMETERS_, SnapshotPath.SnapshotFilePath, 24);
ASSERT_SIZE(RAW_SCSI_VIRTUAL_DISK_PARAMETERS_, 48);
ASSERT_AT(RAW_SCSI_VIRTUAL_DISK_PARAMETERS_, Version1.RSVDHandle, 8);
ASSERT_AT(RAW_SCSI_VIRTUAL_DISK_PARAMETERS_, Version1.DataIn, 12);
ASSERT_AT(RAW_SCSI_VIRTUAL_DISK_PARAMETERS_, Version1.SrbFlags, 16);
ASSERT_AT(RAW_SCSI_VIRTUAL_DISK_PARAMETERS_, Version1.DataBuffer, 24);
ASSERT_AT(RAW_SCSI_VIRTUAL_DISK_PARAMETERS_, Version1.Cdb, 40);
ASSERT_SIZE(RAW_SCSI_VIRTUAL_DISK_RESPONSE_, 12);
ASSERT_AT(RAW_SCSI_VIRTUAL_DISK_RESPONSE_, DataTransferLength, 8);
ASSERT_SIZE(OVERLAPPED_, 32);
ASSERT_AT(OVERLAPPED_, hEvent, 24);

#endif
