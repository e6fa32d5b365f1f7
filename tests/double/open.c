/* OpenVirtualDisk: refuses what Windows 10 documents as wrong, records what came, answers as told. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "double.h"

static const guid_t MICROSOFT = {
    0xec984aec, 0xa0f9, 0x47e9, {0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b}};
static const guid_t NIL;

/* What a failed call leaves where the handle belongs: outputs are undefined then, and whoever uses or
   closes this one is found out. */
#define POISON ((handle_t)(uintptr_t)0xdeadbeec)

static struct {
  int storage_type_given, path_given, parameters_given, handle_given, tail_is_zero;
  VIRTUAL_STORAGE_TYPE_ storage_type;
  uint32_t mask, flags, path_length, result;
  OPEN_VIRTUAL_DISK_PARAMETERS_ parameters;
  unit_t path[PATH_UNITS];
} last;
static uint32_t calls, told_result, told_times;

void open_reset(void) {
  memset(&last, 0, sizeof last);
  calls = told_result = told_times = 0;
}

static int same_guid(const guid_t *a, const guid_t *b) { return memcmp(a, b, sizeof *a) == 0; }

/* Bytes of the structure that the version named in it uses; 0 for a version that is none. */
static size_t used_bytes(uint32_t version) {
  const size_t head = offsetof(OPEN_VIRTUAL_DISK_PARAMETERS_, Version1);
  const OPEN_VIRTUAL_DISK_PARAMETERS_ *p = 0;
  switch (version) {
    case 1: return head + sizeof p->Version1;
    case 2: return head + sizeof p->Version2;
    case 3: return head + sizeof p->Version3;
    default: return 0;
  }
}

static void record(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, uint32_t mask,
                   uint32_t flags, const OPEN_VIRTUAL_DISK_PARAMETERS_ *parameters, handle_t *handle) {
  calls++;
  memset(&last, 0, sizeof last);
  last.storage_type_given = type != NULL;
  last.path_given = path != NULL;
  last.parameters_given = parameters != NULL;
  last.handle_given = handle != NULL;
  last.mask = mask;
  last.flags = flags;
  if (type) last.storage_type = *type;
  if (path) {
    last.path_length = units_length(path, PATH_UNITS);
    memcpy(last.path, path, last.path_length * sizeof *path);
  }
  if (parameters) {
    last.parameters = *parameters;
    const uint8_t *bytes = (const uint8_t *)parameters;
    last.tail_is_zero = 1;
    for (size_t i = used_bytes(parameters->Version); i < sizeof *parameters; i++) {
      if (bytes[i] != 0) last.tail_is_zero = 0;
    }
  }
}

/* The documented rules; 0 where the call keeps them all. */
static uint32_t check(void) {
  const VIRTUAL_STORAGE_TYPE_ *type = &last.storage_type;
  const uint32_t version = last.parameters_given ? last.parameters.Version : 1;
  if (!last.storage_type_given || !last.path_given || !last.handle_given) return CODE_INVALID_PARAMETER;
  if (last.path_length == 0) return CODE_INVALID_NAME;
  if (last.path_length == PATH_UNITS) return CODE_FILENAME_EXCED_RANGE;
  if (last.mask & ~(uint32_t)ACCESS_ALL) return CODE_INVALID_PARAMETER;
  if (last.flags & ~(uint32_t)OPEN_FLAG_ALL) return CODE_INVALID_PARAMETER;
  if (used_bytes(version) == 0) return CODE_INVALID_PARAMETER;
  if (version > 1 && last.mask != 0) return CODE_INVALID_PARAMETER;
  if (type->DeviceId > DEVICE_VHDSET) return CODE_INVALID_PARAMETER;
  if (!same_guid(&type->VendorId, &MICROSOFT) && !same_guid(&type->VendorId, &NIL)) {
    return CODE_INVALID_PARAMETER;
  }
  if (type->DeviceId == DEVICE_ISO) {
    /* Version 1 alone, for reading, and without the flags that mean nothing to an ISO image. */
    const uint32_t flags = OPEN_FLAG_NO_PARENTS | OPEN_FLAG_BLANK_FILE | OPEN_FLAG_BOOT_DRIVE;
    if (version > 1 || (last.flags & flags)) return CODE_INVALID_PARAMETER;
    if (last.mask & (ACCESS_ATTACH_RW | ACCESS_CREATE | ACCESS_METAOPS)) return CODE_ACCESS_DENIED;
  }
  return CODE_SUCCESS;
}

static uint32_t answer(handle_t *handle) {
  const uint32_t refused = check();
  if (refused) return refused;
  if (told_times > 0) {
    told_times--;
    if (told_result) return told_result;
  }
  /* A version 2 or 3 handle may ask for everything; version 1 says what it may. */
  const int version1 = !last.parameters_given || last.parameters.Version == 1;
  *handle = handle_open(version1 ? last.mask : (uint32_t)ACCESS_ALL);
  return *handle ? CODE_SUCCESS : CODE_INVALID_HANDLE;
}

EXPORT uint32_t OpenVirtualDisk(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, uint32_t mask,
                                uint32_t flags, const OPEN_VIRTUAL_DISK_PARAMETERS_ *parameters,
                                handle_t *handle) {
  lock();
  record(type, path, mask, flags, parameters, handle);
  if (handle) *handle = POISON;
  last.result = answer(handle);
  if (last.result && handle) *handle = POISON;
  const uint32_t result = last.result;
  unlock();
  return result;
}

/* The next `times` calls that keep the rules end with `code`. */
EXPORT void DoubleNextOpen(uint32_t code, uint32_t times) {
  lock();
  told_result = code;
  told_times = times;
  unlock();
}

/* The last call as JSON, in `text` of `size` bytes; gives the length, 0 where it does not fit. Text is
   an array of UTF-16 units, for it need not be well-formed. */
EXPORT uint32_t DoubleLastOpen(char *text, uint32_t size) {
  char vendor[37], resiliency[37], snapshot[37];
  lock();
  const OPEN_VIRTUAL_DISK_PARAMETERS_ *p = &last.parameters;
  guid_format(&last.storage_type.VendorId, vendor);
  guid_format(&p->Version3.ResiliencyGuid, resiliency);
  guid_format(&p->Version3.SnapshotId, snapshot);
  uint32_t length = 0;
#define PUT(...)                                                                       \
  do {                                                                                 \
    if (length < size) length += (uint32_t)snprintf(text + length, size - length, __VA_ARGS__); \
  } while (0)
  PUT("{\"calls\":%" PRIu32 ",\"result\":%" PRIu32 ",\"accessMask\":%" PRIu32 ",\"flags\":%" PRIu32,
      calls, last.result, last.mask, last.flags);
  PUT(",\"handleGiven\":%s,\"storageType\":", last.handle_given ? "true" : "false");
  if (last.storage_type_given) {
    PUT("{\"deviceId\":%" PRIu32 ",\"vendorId\":\"%s\"}", last.storage_type.DeviceId, vendor);
  } else {
    PUT("null");
  }
  PUT(",\"parameters\":");
  if (last.parameters_given) {
    PUT("{\"version\":%" PRIu32 ",\"tailIsZero\":%s", p->Version, last.tail_is_zero ? "true" : "false");
    if (p->Version == 1) PUT(",\"rwDepth\":%" PRIu32, p->Version1.RWDepth);
    if (p->Version == 2 || p->Version == 3) {
      PUT(",\"getInfoOnly\":%" PRId32 ",\"readOnly\":%" PRId32 ",\"resiliencyGuid\":\"%s\"",
          p->Version3.GetInfoOnly, p->Version3.ReadOnly, resiliency);
    }
    if (p->Version == 3) PUT(",\"snapshotId\":\"%s\"", snapshot);
    PUT("}");
  } else {
    PUT("null");
  }
  PUT(",\"path\":");
  if (last.path_given) {
    for (uint32_t i = 0; i < last.path_length; i++) PUT("%c%u", i == 0 ? '[' : ',', last.path[i]);
    PUT(last.path_length == 0 ? "[]}" : "]}");
  } else {
    PUT("null}");
  }
#undef PUT
  unlock();
  return length < size ? length : 0;
}
