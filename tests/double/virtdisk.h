/* The part of virtdisk.h that the double answers: declared anew after the Windows SDK 10.0.22621, in
   fixed-width types, so that every 64-bit compiler lays the structures out as Windows does (x64 and
   arm64 alike). The assertions at the end hold the layout to the SDK's. */
#ifndef VIRTDISK_DOUBLE_VIRTDISK_H
#define VIRTDISK_DOUBLE_VIRTDISK_H

#include <stddef.h>
#include <stdint.h>

#ifdef _WIN32
#define _INC_VIRTDISK /* keeps the compiler's own virtdisk.h out of windows.h */
#include <windows.h>
#define EXPORT __declspec(dllexport)
typedef GUID guid_t;
#else
#define EXPORT __attribute__((visibility("default")))
typedef struct {
  uint32_t Data1;
  uint16_t Data2, Data3;
  uint8_t Data4[8];
} guid_t;
#endif

/* A UTF-16 unit, whatever wchar_t is here; and a HANDLE. */
typedef uint16_t unit_t;
typedef void *handle_t;
typedef int32_t bool32_t;

enum {
  DEVICE_UNKNOWN = 0,
  DEVICE_ISO = 1,
  DEVICE_VHD = 2,
  DEVICE_VHDX = 3,
  DEVICE_VHDSET = 4,
};

enum {
  ACCESS_ATTACH_RO = 0x010000,
  ACCESS_ATTACH_RW = 0x020000,
  ACCESS_DETACH = 0x040000,
  ACCESS_GET_INFO = 0x080000,
  ACCESS_CREATE = 0x100000,
  ACCESS_METAOPS = 0x200000,
  ACCESS_ALL = 0x3f0000,
};

enum {
  OPEN_FLAG_NO_PARENTS = 0x001,
  OPEN_FLAG_BLANK_FILE = 0x002,
  OPEN_FLAG_BOOT_DRIVE = 0x004,
  OPEN_FLAG_CUSTOM_DIFF_CHAIN = 0x010,
  OPEN_FLAG_ALL = 0xfff,
};

enum {
  CODE_SUCCESS = 0,
  CODE_FILE_NOT_FOUND = 2,
  CODE_PATH_NOT_FOUND = 3,
  CODE_ACCESS_DENIED = 5,
  CODE_INVALID_HANDLE = 6,
  CODE_NOT_ENOUGH_MEMORY = 8,
  CODE_BAD_COMMAND = 22,
  CODE_GEN_FAILURE = 31,
  CODE_HANDLE_EOF = 38,
  CODE_NOT_SUPPORTED = 50,
  CODE_DEV_NOT_EXIST = 55,
  CODE_INVALID_PARAMETER = 87,
  CODE_DISK_FULL = 112,
  CODE_INSUFFICIENT_BUFFER = 122,
  CODE_INVALID_NAME = 123,
  CODE_MOD_NOT_FOUND = 126,
  CODE_ALREADY_EXISTS = 183,
  CODE_FILENAME_EXCED_RANGE = 206,
  CODE_MORE_DATA = 234,
  CODE_OPERATION_ABORTED = 995,
  CODE_IO_INCOMPLETE = 996,
  CODE_IO_PENDING = 997,
  CODE_NOT_FOUND = 1168,
};
#define CODE_VHD_INVALID_SIZE 0xC03A0012u
#define CODE_VIRTDISK_PROVIDER_NOT_FOUND 0xC03A0014u
#define CODE_VIRTDISK_NOT_VIRTUAL_DISK 0xC03A0015u
#define CODE_VHD_INVALID_TYPE 0xC03A001Bu
#define CODE_VHD_INVALID_STATE 0xC03A001Cu
#define CODE_VHD_METADATA_FULL 0xC03A0028u
#define CODE_VHD_INVALID_CHANGE_TRACKING_ID 0xC03A0029u

typedef struct {
  uint32_t DeviceId;
  guid_t VendorId;
} VIRTUAL_STORAGE_TYPE_;

typedef struct {
  uint32_t Version;
  union {
    struct {
      uint32_t RWDepth;
    } Version1;
    struct {
      bool32_t GetInfoOnly;
      bool32_t ReadOnly;
      guid_t ResiliencyGuid;
    } Version2;
    struct {
      bool32_t GetInfoOnly;
      bool32_t ReadOnly;
      guid_t ResiliencyGuid;
      guid_t SnapshotId;
    } Version3;
  };
} OPEN_VIRTUAL_DISK_PARAMETERS_;

/* The classes of GET_VIRTUAL_DISK_INFO. */
enum {
  INFO_SIZE = 1,
  INFO_IDENTIFIER = 2,
  INFO_PARENT_LOCATION = 3,
  INFO_PARENT_IDENTIFIER = 4,
  INFO_PARENT_TIMESTAMP = 5,
  INFO_VIRTUAL_STORAGE_TYPE = 6,
  INFO_PROVIDER_SUBTYPE = 7,
  INFO_IS_4K_ALIGNED = 8,
  INFO_PHYSICAL_DISK = 9,
  INFO_VHD_PHYSICAL_SECTOR_SIZE = 10,
  INFO_SMALLEST_SAFE_VIRTUAL_SIZE = 11,
  INFO_FRAGMENTATION = 12,
  INFO_IS_LOADED = 13,
  INFO_VIRTUAL_DISK_ID = 14,
  INFO_CHANGE_TRACKING_STATE = 15,
  INFO_CLASSES = 16,
};

typedef struct {
  uint32_t Version;
  union {
    struct {
      uint64_t VirtualSize;
      uint64_t PhysicalSize;
      uint32_t BlockSize;
      uint32_t SectorSize;
    } Size;
    guid_t Identifier;
    struct {
      bool32_t ParentResolved;
      unit_t ParentLocationBuffer[1];
    } ParentLocation;
    guid_t ParentIdentifier;
    uint32_t ParentTimestamp;
    VIRTUAL_STORAGE_TYPE_ VirtualStorageType;
    uint32_t ProviderSubtype;
    bool32_t Is4kAligned;
    bool32_t IsLoaded;
    struct {
      uint32_t LogicalSectorSize;
      uint32_t PhysicalSectorSize;
      bool32_t IsRemote;
    } PhysicalDisk;
    uint32_t VhdPhysicalSectorSize;
    uint64_t SmallestSafeVirtualSize;
    uint32_t FragmentationPercentage;
    guid_t VirtualDiskId;
    struct {
      bool32_t Enabled;
      bool32_t NewerChanges;
      unit_t MostRecentId[1];
    } ChangeTrackingState;
  };
} GET_VIRTUAL_DISK_INFO_;

#define ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has the SDK's size")
#define ASSERT_AT(type, member, offset) \
  _Static_assert(offsetof(type, member) == (offset), #type "." #member " is where the SDK has it")

ASSERT_SIZE(handle_t, 8);
ASSERT_SIZE(guid_t, 16);
ASSERT_SIZE(VIRTUAL_STORAGE_TYPE_, 20);
ASSERT_AT(VIRTUAL_STORAGE_TYPE_, VendorId, 4);
ASSERT_SIZE(OPEN_VIRTUAL_DISK_PARAMETERS_, 44);
ASSERT_AT(OPEN_VIRTUAL_DISK_PARAMETERS_, Version1.RWDepth, 4);
ASSERT_AT(OPEN_VIRTUAL_DISK_PARAMETERS_, Version2.GetInfoOnly, 4);
ASSERT_AT(OPEN_VIRTUAL_DISK_PARAMETERS_, Version2.ReadOnly, 8);
ASSERT_AT(OPEN_VIRTUAL_DISK_PARAMETERS_, Version2.ResiliencyGuid, 12);
ASSERT_AT(OPEN_VIRTUAL_DISK_PARAMETERS_, Version3.ResiliencyGuid, 12);
ASSERT_AT(OPEN_VIRTUAL_DISK_PARAMETERS_, Version3.SnapshotId, 28);
ASSERT_SIZE(GET_VIRTUAL_DISK_INFO_, 32);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, Size.VirtualSize, 8);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, Size.PhysicalSize, 16);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, Size.BlockSize, 24);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, Size.SectorSize, 28);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, Identifier, 8);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, ParentLocation.ParentLocationBuffer, 12);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, VirtualStorageType.VendorId, 12);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, PhysicalDisk.IsRemote, 16);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, SmallestSafeVirtualSize, 8);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, ChangeTrackingState.NewerChanges, 12);
ASSERT_AT(GET_VIRTUAL_DISK_INFO_, ChangeTrackingState.MostRecentId, 16);

#endif
