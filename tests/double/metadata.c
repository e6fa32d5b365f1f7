/* User metadata: the same items whichever disk asks. */
#include <stdlib.h>
#include <string.h>

#include "double.h"

/* The limits of VHDX [A]. */
#define ITEMS 1024
#define ITEM_BYTES (1024u * 1024)

static struct {
  guid_t id;
  uint32_t size;
  uint8_t *bytes;
} items[ITEMS];
static uint32_t count, code_of_too_small;

void metadata_reset(void) {
  for (uint32_t i = 0; i < count; i++) free(items[i].bytes);
  count = 0;
  code_of_too_small = CODE_INSUFFICIENT_BUFFER; /* [D] */
}

static uint32_t find(const guid_t *id) {
  uint32_t i = 0;
  while (i < count && memcmp(&items[i].id, id, sizeof *id) != 0) i++;
  return i;
}

/* Of VHDX alone, by a version 2 handle, which for writing is not for information alone [M]; the codes
   [I: metadata-handle] [I: metadata-kind]. */
static uint32_t check(const disk_t *disk, int writes) {
  if (!disk) return CODE_INVALID_HANDLE; /* [O]; [I: foreign-handle] */
  if (disk->version < 2) return CODE_ACCESS_DENIED;
  if (disk->device == DEVICE_VHD || disk->device == DEVICE_ISO) return CODE_NOT_SUPPORTED;
  return writes && (disk->info_only || disk->read_only) ? CODE_ACCESS_DENIED : CODE_SUCCESS;
}

EXPORT uint32_t EnumerateVirtualDiskMetadata(handle_t handle, uint32_t *number, guid_t *ids) {
  record_t *call = call_begin(FN_EnumerateVirtualDiskMetadata);
  put_number(call, "handle", (uintptr_t)handle);
  if (number) put_number(call, "numberOfItems", *number);
  put_bool(call, "itemsGiven", ids != NULL);
  uint32_t result = check(handle_find(handle), 0);
  if (!result && (!number || (*number > 0 && !ids))) result = CODE_INVALID_PARAMETER; /* [guard] */
  if (!result) result = call_told(FN_EnumerateVirtualDiskMetadata);
  if (!result) {
    if (*number < count) result = code_of_too_small; /* 122 [D], 234 [M] */
    for (uint32_t i = 0; i < count && !result; i++) ids[i] = items[i].id;
    *number = count;
  }
  return call_end(FN_EnumerateVirtualDiskMetadata, result);
}

static uint32_t give(const guid_t *id, uint32_t *size, uint8_t *bytes) {
  const uint32_t i = find(id);
  if (i == count) return CODE_NOT_FOUND; /* [I: metadata-absent] */
  const uint32_t given = *size, needed = items[i].size;
  *size = needed;
  /* The beginning comes even where the whole does not fit [D]. */
  const uint32_t copied = given < needed ? given : needed;
  if (copied > 0) memcpy(bytes, items[i].bytes, copied);
  return given < needed ? code_of_too_small : CODE_SUCCESS;
}

EXPORT uint32_t GetVirtualDiskMetadata(handle_t handle, const guid_t *id, uint32_t *size,
                                       uint8_t *bytes) {
  record_t *call = call_begin(FN_GetVirtualDiskMetadata);
  put_number(call, "handle", (uintptr_t)handle);
  put_guid(call, "item", id);
  if (size) put_number(call, "size", *size);
  put_bool(call, "bufferGiven", bytes != NULL);
  uint32_t result = check(handle_find(handle), 0);
  if (!result && (!id || !size || (*size > 0 && !bytes))) result = CODE_INVALID_PARAMETER; /* [guard] */
  if (!result && is_nil(id)) result = CODE_INVALID_PARAMETER; /* [D], the code [I: metadata-nil] */
  if (!result) result = call_told(FN_GetVirtualDiskMetadata);
  if (!result) result = give(id, size, bytes);
  return call_end(FN_GetVirtualDiskMetadata, result);
}

static uint32_t put(const guid_t *id, uint32_t size, const uint8_t *bytes) {
  const uint32_t i = find(id);
  if (i == ITEMS || size > ITEM_BYTES) return CODE_VHD_METADATA_FULL; /* [I: metadata-full] */
  uint8_t *copy = malloc(size ? size : 1);
  if (!copy) return CODE_NOT_ENOUGH_MEMORY;
  if (size > 0) memcpy(copy, bytes, size);
  if (i == count) {
    items[count++].id = *id;
  } else {
    free(items[i].bytes);
  }
  items[i].bytes = copy;
  items[i].size = size;
  return CODE_SUCCESS;
}

EXPORT uint32_t SetVirtualDiskMetadata(handle_t handle, const guid_t *id, uint32_t size,
                                       const uint8_t *bytes) {
  record_t *call = call_begin(FN_SetVirtualDiskMetadata);
  put_number(call, "handle", (uintptr_t)handle);
  put_guid(call, "item", id);
  put_number(call, "size", size);
  put_bool(call, "bufferGiven", bytes != NULL);
  uint32_t result = check(handle_find(handle), 1);
  if (!result && (!id || (size > 0 && !bytes))) result = CODE_INVALID_PARAMETER; /* [guard] */
  if (!result && is_nil(id)) result = CODE_INVALID_PARAMETER; /* [D], the code [I: metadata-nil] */
  if (!result) result = call_told(FN_SetVirtualDiskMetadata);
  if (!result) result = put(id, size, bytes);
  return call_end(FN_SetVirtualDiskMetadata, result);
}

EXPORT uint32_t DeleteVirtualDiskMetadata(handle_t handle, const guid_t *id) {
  record_t *call = call_begin(FN_DeleteVirtualDiskMetadata);
  put_number(call, "handle", (uintptr_t)handle);
  put_guid(call, "item", id);
  uint32_t result = check(handle_find(handle), 1);
  if (!result && !id) result = CODE_INVALID_PARAMETER;        /* [guard] */
  if (!result && is_nil(id)) result = CODE_INVALID_PARAMETER; /* [D], the code [I: metadata-nil] */
  if (!result) result = call_told(FN_DeleteVirtualDiskMetadata);
  if (!result) {
    const uint32_t i = find(id);
    if (i == count) {
      result = CODE_NOT_FOUND; /* [I: metadata-absent] */
    } else {
      free(items[i].bytes);
      memmove(&items[i], &items[i + 1], (--count - i) * sizeof *items);
    }
  }
  return call_end(FN_DeleteVirtualDiskMetadata, result);
}

/* What a buffer that is too small brings: the pages say 122, the samples 234. */
EXPORT void DoubleSetTooSmallCode(uint32_t code) {
  lock();
  code_of_too_small = code;
  unlock();
}
