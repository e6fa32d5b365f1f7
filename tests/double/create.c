/* CreateVirtualDisk: versions 1 to 4. */
#include "double.h"

#define POISON ((handle_t)(uintptr_t)0xdeadbeec)
#define MIB (1024u * 1024)
#define GIB (1024ull * MIB)
#define SMALLEST_SIZE (3ull * MIB)
/* [A] */
#define LARGEST_VHD (2040 * GIB)
#define LARGEST_VHDX (64 * 1024 * GIB)

enum { FLAG_FULL_PHYSICAL_ALLOCATION = 1, FLAGS_ALL = 0x7ff };

/* Where each version ends [H]. */
static uint32_t used_bytes(uint32_t version) {
  const CREATE_VIRTUAL_DISK_PARAMETERS_ *p = 0;
  switch (version) {
    case 1: return offsetof(CREATE_VIRTUAL_DISK_PARAMETERS_, Version1) + sizeof p->Version1;
    case 2: return offsetof(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.SourceLimitPath);
    case 3: return offsetof(CREATE_VIRTUAL_DISK_PARAMETERS_, Version4.PmemAddressAbstractionType);
    case 4: return sizeof *p;
    default: return 0;
  }
}

/* The parameters as of version 4, whatever the version was. */
static CREATE_VERSION_4_ members(const CREATE_VIRTUAL_DISK_PARAMETERS_ *p) {
  CREATE_VERSION_4_ all = {0};
  if (p->Version == 1) {
    all.UniqueId = p->Version1.UniqueId;
    all.MaximumSize = p->Version1.MaximumSize;
    all.BlockSizeInBytes = p->Version1.BlockSizeInBytes;
    all.SectorSizeInBytes = p->Version1.SectorSizeInBytes;
    all.ParentPath = p->Version1.ParentPath;
    all.SourcePath = p->Version1.SourcePath;
    return all;
  }
  all = p->Version4;
  if (p->Version < 3) {
    all.SourceLimitPath = NULL;
    all.BackingStorageType = (VIRTUAL_STORAGE_TYPE_){0};
  }
  if (p->Version < 4) {
    all.PmemAddressAbstractionType = (guid_t){0};
    all.DataAlignment = 0;
  }
  return all;
}

static void put_parameters(record_t *call, const CREATE_VIRTUAL_DISK_PARAMETERS_ *p) {
  if (!p || used_bytes(p->Version) == 0) {
    put_null(call, "parameters");
    return;
  }
  const CREATE_VERSION_4_ m = members(p);
  put_open(call, "parameters");
  put_number(call, "version", p->Version);
  put_tail(call, p, used_bytes(p->Version), sizeof *p);
  put_guid(call, "uniqueId", &m.UniqueId);
  put_number(call, "maximumSize", m.MaximumSize);
  put_number(call, "blockSizeInBytes", m.BlockSizeInBytes);
  put_number(call, "sectorSizeInBytes", m.SectorSizeInBytes);
  put_string(call, "parentPath", m.ParentPath);
  put_string(call, "sourcePath", m.SourcePath);
  if (p->Version >= 2) {
    put_number(call, "physicalSectorSizeInBytes", m.PhysicalSectorSizeInBytes);
    put_number(call, "openFlags", m.OpenFlags);
    put_type(call, "parentVirtualStorageType", &m.ParentVirtualStorageType);
    put_type(call, "sourceVirtualStorageType", &m.SourceVirtualStorageType);
    put_guid(call, "resiliencyGuid", &m.ResiliencyGuid);
  }
  if (p->Version >= 3) {
    put_string(call, "sourceLimitPath", m.SourceLimitPath);
    put_type(call, "backingStorageType", &m.BackingStorageType);
  }
  if (p->Version >= 4) {
    put_guid(call, "pmemAddressAbstractionType", &m.PmemAddressAbstractionType);
    put_number(call, "dataAlignment", m.DataAlignment);
  }
  put_close(call);
  watch(p, used_bytes(p->Version));
  watch_string(m.ParentPath);
  watch_string(m.SourcePath);
  watch_string(m.SourceLimitPath);
}

/* [D][M] */
static int is_sector_size(uint32_t size) { return size == 0 || size == 512 || size == 4096; }

/* VHD [D][M]; VHDX [M], a power of two [A]; of a fixed disk there is none [H][M]. */
static int is_block_size(uint32_t device, uint32_t flags, uint32_t size) {
  if (size == 0) return 1;
  if (flags & FLAG_FULL_PHYSICAL_ALLOCATION) return 0;
  if (device == DEVICE_VHD) return size == MIB / 2 || size == 2 * MIB;
  return size >= MIB && size <= 256 * MIB && (size & (size - 1)) == 0;
}

/* The rules [D]; the codes [D] of what is too small or uneven, [I: create-too-large], and of a child [I: create-parent]. */
static uint32_t check_size(uint32_t device, uint32_t flags, const CREATE_VERSION_4_ *m) {
  const uint32_t sector = m->SectorSizeInBytes ? m->SectorSizeInBytes : 512;
  if (m->MaximumSize % sector != 0) return CODE_INVALID_PARAMETER;
  if (m->ParentPath) {
    const int whole = m->MaximumSize == 0 && !(flags & FLAG_FULL_PHYSICAL_ALLOCATION);
    return whole ? CODE_SUCCESS : CODE_INVALID_PARAMETER;
  }
  if (m->SourcePath && m->MaximumSize == 0) return CODE_SUCCESS;
  if (m->MaximumSize < SMALLEST_SIZE) return CODE_INVALID_PARAMETER;
  const uint64_t largest = device == DEVICE_VHD ? LARGEST_VHD : LARGEST_VHDX;
  return m->MaximumSize > largest ? CODE_VHD_INVALID_SIZE : CODE_SUCCESS;
}

/* The rules [D]; the codes of block sizes [D], of paths [I: unqualified-path], of the rest [I: create-parameters]. */
static uint32_t check_parameters(uint32_t device, uint32_t flags,
                                 const CREATE_VIRTUAL_DISK_PARAMETERS_ *p) {
  const CREATE_VERSION_4_ m = members(p);
  if (m.ParentPath && m.SourcePath) return CODE_INVALID_PARAMETER;
  if (m.ParentPath && !is_qualified(m.ParentPath)) return CODE_INVALID_PARAMETER;
  if (m.SourcePath && !is_qualified(m.SourcePath)) return CODE_INVALID_PARAMETER;
  if (!is_sector_size(m.SectorSizeInBytes) || !is_sector_size(m.PhysicalSectorSizeInBytes)) {
    return CODE_INVALID_PARAMETER;
  }
  if (device == DEVICE_VHD && m.SectorSizeInBytes > 512) return CODE_INVALID_PARAMETER;
  if (!is_block_size(device, flags, m.BlockSizeInBytes)) return CODE_INVALID_PARAMETER;
  if (m.OpenFlags & ~(uint32_t)OPEN_FLAG_ALL) return CODE_INVALID_PARAMETER;
  if (!is_storage_type(&m.ParentVirtualStorageType)) return CODE_INVALID_PARAMETER;
  if (!is_storage_type(&m.SourceVirtualStorageType)) return CODE_INVALID_PARAMETER;
  if (!is_storage_type(&m.BackingStorageType)) return CODE_INVALID_PARAMETER;
  return check_size(device, flags, &m);
}

static uint32_t check(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, uint32_t mask,
                      uint32_t flags, uint32_t provider_flags,
                      const CREATE_VIRTUAL_DISK_PARAMETERS_ *p, const handle_t *handle) {
  if (!type || !p) return CODE_INVALID_PARAMETER; /* [D] */
  if (!handle) return CODE_INVALID_PARAMETER;     /* [guard] */
  const uint32_t wrong_path = check_path(path);
  if (wrong_path) return wrong_path;
  /* The version, the mask and the flags [D], as the header knows them [H]. */
  if (used_bytes(p->Version) == 0) return CODE_INVALID_PARAMETER;
  if (mask & ~(uint32_t)ACCESS_ALL) return CODE_INVALID_PARAMETER;
  if (p->Version > 1 && mask != 0) return CODE_INVALID_PARAMETER;
  if (flags & ~(uint32_t)FLAGS_ALL) return CODE_INVALID_PARAMETER;
  if (provider_flags != 0) return CODE_INVALID_PARAMETER;              /* [D], the code [I: provider-flags] */
  if (!is_storage_type(type)) return CODE_VIRTDISK_PROVIDER_NOT_FOUND; /* [I: unknown-provider] */
  const uint32_t device = type->DeviceId != DEVICE_UNKNOWN ? type->DeviceId : device_of(path);
  if (device == DEVICE_ISO) return CODE_INVALID_PARAMETER;               /* [D], the code [I: create-iso] */
  if (device == DEVICE_UNKNOWN) return CODE_VIRTDISK_PROVIDER_NOT_FOUND; /* [I: unknown-provider] */
  return check_parameters(device, flags, p);
}

EXPORT uint32_t CreateVirtualDisk(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path,
                                  uint32_t mask, const void *security_descriptor, uint32_t flags,
                                  uint32_t provider_flags,
                                  const CREATE_VIRTUAL_DISK_PARAMETERS_ *parameters,
                                  OVERLAPPED_ *overlapped, handle_t *handle) {
  record_t *call = call_begin(FN_CreateVirtualDisk);
  put_type(call, "storageType", type);
  put_string(call, "path", path);
  put_number(call, "accessMask", mask);
  put_bool(call, "securityDescriptorGiven", security_descriptor != NULL);
  put_number(call, "flags", flags);
  put_number(call, "providerSpecificFlags", provider_flags);
  put_bool(call, "overlappedGiven", overlapped != NULL);
  put_bool(call, "handleGiven", handle != NULL);
  watch_string(path);
  put_parameters(call, parameters);
  if (handle) *handle = POISON;
  uint32_t result = check(type, path, mask, flags, provider_flags, parameters, handle);
  if (!result) result = call_told(FN_CreateVirtualDisk);
  if (result) return call_end(FN_CreateVirtualDisk, result);
  disk_t disk = {.version = parameters->Version, .rights = mask, .rw_depth = 1};
  if (disk.version > 1) {
    disk.rights = ACCESS_ALL;
    disk.flags = parameters->Version4.OpenFlags;
  }
  handle_t made;
  result = disk_open(type, path, disk, &made);
  if (result) return call_end(FN_CreateVirtualDisk, result);
  /* Given out while the operation is pending: its progress is asked of it [O]. */
  *handle = made;
  result = operation_run(FN_CreateVirtualDisk, made, overlapped, 0);
  if (result && result != CODE_IO_PENDING) {
    lock();
    handle_discard(made);
    unlock();
    *handle = POISON;
  }
  return result;
}
