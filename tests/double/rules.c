/* Rules that several functions have in common. */
#include <string.h>

#include "double.h"

static const guid_t MICROSOFT = {
    0xec984aec, 0xa0f9, 0x47e9, {0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b}};
static const guid_t NIL;

int is_nil(const guid_t *guid) { return memcmp(guid, &NIL, sizeof NIL) == 0; }

int is_storage_type(const VIRTUAL_STORAGE_TYPE_ *type) {
  return type->DeviceId <= DEVICE_VHDSET &&
         (memcmp(&type->VendorId, &MICROSOFT, sizeof MICROSOFT) == 0 || is_nil(&type->VendorId));
}

uint32_t check_path(const unit_t *path) {
  if (!path) return CODE_INVALID_PARAMETER; /* [D] */
  const uint32_t length = units_length(path, PATH_UNITS);
  if (length == 0) return CODE_INVALID_NAME;                                  /* [I: empty-path] */
  return length == PATH_UNITS ? CODE_FILENAME_EXCED_RANGE : CODE_SUCCESS; /* [I: path-too-long] */
}

static int is_slash(unit_t unit) { return unit == '\\' || unit == '/'; }

/* A path with a drive or a leading slash, as the paths that structures point to must be [D]. */
int is_qualified(const unit_t *path) {
  return is_slash(path[0]) || (path[0] != 0 && path[1] == ':' && is_slash(path[2]));
}

uint32_t wrong_handle(handle_t handle) {
  if (handle && !handle_is_any(handle)) return CODE_INVALID_HANDLE; /* [O] */
  return CODE_INVALID_PARAMETER;                                    /* attach and detach: [D] */
}

/* [O] of a handle that is closed, and of version 1; of others [I: foreign-handle] and [I: v2-rights]. */
uint32_t check_rights(const disk_t *disk, uint32_t right) {
  if (!disk) return CODE_INVALID_HANDLE;
  return (disk->rights & right) == right ? CODE_SUCCESS : CODE_ACCESS_DENIED;
}

/* [M] of those without a device and vendor. */
uint32_t device_of(const unit_t *path) {
  static const struct {
    uint32_t device;
    unit_t extension[7];
  } KNOWN[] = {
      {DEVICE_ISO, {'.', 'i', 's', 'o'}},
      {DEVICE_VHD, {'.', 'v', 'h', 'd'}},
      {DEVICE_VHD, {'.', 'a', 'v', 'h', 'd'}},
      {DEVICE_VHDX, {'.', 'v', 'h', 'd', 'x'}},
      {DEVICE_VHDX, {'.', 'a', 'v', 'h', 'd', 'x'}},
      {DEVICE_VHDSET, {'.', 'v', 'h', 'd', 's'}},
  };
  const unit_t *extension = NULL;
  for (const unit_t *p = path; *p; p++) {
    if (*p == '.') extension = p;
    if (is_slash(*p)) extension = NULL;
  }
  for (size_t i = 0; extension && i < sizeof KNOWN / sizeof *KNOWN; i++) {
    if (units_equal(extension, KNOWN[i].extension)) return KNOWN[i].device;
  }
  return DEVICE_UNKNOWN;
}
