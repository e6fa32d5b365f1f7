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
  if (!path) return CODE_INVALID_PARAMETER;
  const uint32_t length = units_length(path, PATH_UNITS);
  if (length == 0) return CODE_INVALID_NAME;
  return length == PATH_UNITS ? CODE_FILENAME_EXCED_RANGE : CODE_SUCCESS;
}

static int is_slash(unit_t unit) { return unit == '\\' || unit == '/'; }

/* A path with a drive or a leading slash. */
int is_qualified(const unit_t *path) {
  return is_slash(path[0]) || (path[0] != 0 && path[1] == ':' && is_slash(path[2]));
}

uint32_t check_rights(const disk_t *disk, uint32_t right) {
  if (!disk) return CODE_INVALID_HANDLE;
  return (disk->rights & right) == right ? CODE_SUCCESS : CODE_ACCESS_DENIED;
}

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
