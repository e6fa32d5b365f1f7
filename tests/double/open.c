/* OpenVirtualDisk: refuses what Windows 10 documents as wrong, records what came, answers as told. */
#include <stdlib.h>

#include "double.h"

/* What a failed call leaves where the handle belongs: outputs are undefined then [D], and whoever uses or
   closes this one is found out. */
#define POISON ((handle_t)(uintptr_t)0xdeadbeec)

/* Bytes of the structure that the version named in it uses; 0 for a version that is none. */
static uint32_t used_bytes(uint32_t version) {
  const uint32_t head = offsetof(OPEN_VIRTUAL_DISK_PARAMETERS_, Version1);
  const OPEN_VIRTUAL_DISK_PARAMETERS_ *p = 0;
  switch (version) {
    case 1: return head + sizeof p->Version1;
    case 2: return head + sizeof p->Version2;
    case 3: return head + sizeof p->Version3;
    default: return 0;
  }
}

static void put_parameters(record_t *call, const OPEN_VIRTUAL_DISK_PARAMETERS_ *p) {
  if (!p) {
    put_null(call, "parameters");
    return;
  }
  put_open(call, "parameters");
  put_number(call, "version", p->Version);
  put_tail(call, p, used_bytes(p->Version), sizeof *p);
  if (p->Version == 1) put_number(call, "rwDepth", p->Version1.RWDepth);
  if (p->Version == 2 || p->Version == 3) {
    put_signed(call, "getInfoOnly", p->Version2.GetInfoOnly);
    put_signed(call, "readOnly", p->Version2.ReadOnly);
    put_guid(call, "resiliencyGuid", &p->Version2.ResiliencyGuid);
  }
  if (p->Version == 3) put_guid(call, "snapshotId", &p->Version3.SnapshotId);
  put_close(call);
}

/* An image whose log is dirty; NULL for none. */
static unit_t *dirty;

void dirty_reset(void) {
  free(dirty);
  dirty = NULL;
}

/* A read-only open of a VHDX with a dirty log ends with 5 until it has been open for writing once [O]; of an open for
   information alone nobody says it [I: dirty-log-info]. */
static uint32_t check_log(const unit_t *path, const disk_t *disk) {
  if (!dirty || !units_equal(dirty, path) || disk->info_only) return CODE_SUCCESS;
  if (!(disk->rights & ACCESS_ATTACH_RW)) return CODE_ACCESS_DENIED;
  dirty_reset();
  return CODE_SUCCESS;
}

/* Gives an image a dirty log, as a process leaves it that was ended while it wrote. */
EXPORT void DoubleSoilLog(const unit_t *path) {
  lock();
  dirty_reset();
  dirty = units_copy(path);
  unlock();
}

/* The rules; 0 where the call keeps them all. The mask, the flags and the version: [D], as the header knows them [H]. */
static uint32_t check(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, uint32_t mask,
                      uint32_t flags, const OPEN_VIRTUAL_DISK_PARAMETERS_ *parameters,
                      const handle_t *handle) {
  const uint32_t version = parameters ? parameters->Version : 1;
  if (!type || !path) return CODE_INVALID_PARAMETER; /* [D] */
  if (!handle) return CODE_INVALID_PARAMETER;        /* [guard] */
  const uint32_t wrong_path = check_path(path);
  if (wrong_path) return wrong_path;
  if (mask & ~(uint32_t)ACCESS_ALL) return CODE_INVALID_PARAMETER;
  if (flags & ~(uint32_t)OPEN_FLAG_ALL) return CODE_INVALID_PARAMETER;
  if (used_bytes(version) == 0) return CODE_INVALID_PARAMETER;
  if (version > 1 && mask != 0) return CODE_INVALID_PARAMETER; /* [M], the code [I: v2-mask] */
  if (!is_storage_type(type)) return CODE_VIRTDISK_PROVIDER_NOT_FOUND; /* [I: unknown-provider] */
  if (type->DeviceId == DEVICE_ISO) {
    /* Version 1 alone [M], for reading [D][M], and without the flags that do not apply [D]; the codes
       [I: iso-version-2] [I: iso-open-flags] [I: iso-write-mask]. */
    const uint32_t meaningless = OPEN_FLAG_NO_PARENTS | OPEN_FLAG_BLANK_FILE | OPEN_FLAG_BOOT_DRIVE;
    if (version > 1 || (flags & meaningless)) return CODE_INVALID_PARAMETER;
    if (mask & (ACCESS_ATTACH_RW | ACCESS_CREATE | ACCESS_METAOPS)) return CODE_ACCESS_DENIED;
  }
  return CODE_SUCCESS;
}

/* A version 2 or 3 handle may ask for everything that its two BOOLs leave [D][M]; version 1 says what it
   may [D], and without parameters it is version 1 [M]. */
static disk_t disk_with(uint32_t mask, uint32_t flags, const OPEN_VIRTUAL_DISK_PARAMETERS_ *p) {
  disk_t disk = {.version = p ? p->Version : 1, .flags = flags, .rights = mask, .rw_depth = 1};
  if (disk.version == 1) {
    if (p) disk.rw_depth = p->Version1.RWDepth;
    return disk;
  }
  disk.info_only = p->Version2.GetInfoOnly != 0;
  disk.read_only = p->Version2.ReadOnly != 0;
  disk.rights = ACCESS_ALL;
  if (disk.read_only) disk.rights &= ~(uint32_t)(ACCESS_ATTACH_RW | ACCESS_METAOPS);
  if (disk.info_only) disk.rights = ACCESS_GET_INFO;
  return disk;
}

EXPORT uint32_t OpenVirtualDisk(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, uint32_t mask,
                                uint32_t flags, const OPEN_VIRTUAL_DISK_PARAMETERS_ *parameters,
                                handle_t *handle) {
  record_t *call = call_begin(FN_OpenVirtualDisk);
  put_type(call, "storageType", type);
  put_string(call, "path", path);
  put_number(call, "accessMask", mask);
  put_number(call, "flags", flags);
  put_parameters(call, parameters);
  put_bool(call, "handleGiven", handle != NULL);
  if (handle) *handle = POISON;
  if (type) watch(type, sizeof *type);
  watch_string(path);
  if (parameters) watch(parameters, used_bytes(parameters->Version));
  if (handle) watch(handle, sizeof *handle);
  call_wait(FN_OpenVirtualDisk);
  uint32_t result = check(type, path, mask, flags, parameters, handle);
  if (!result) result = call_told(FN_OpenVirtualDisk);
  const disk_t disk = result ? (disk_t){0} : disk_with(mask, flags, parameters);
  if (!result) result = check_log(path, &disk);
  if (!result) result = disk_open(type, path, disk, handle);
  return call_end(FN_OpenVirtualDisk, result);
}
