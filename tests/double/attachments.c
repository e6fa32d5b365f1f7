/* AttachVirtualDisk, DetachVirtualDisk, and where attached disks are. Of an image there is one attachment,
   whichever handle asks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "double.h"

enum {
  FLAG_READ_ONLY = 0x001,
  FLAG_PERMANENT_LIFETIME = 0x004,
  FLAG_NO_LOCAL_HOST = 0x008,
  FLAG_RESTRICTED_RANGE = 0x080,
  FLAGS_ALL = 0x7ff,
};
#define ATTACHMENTS 64
#define DEVICE_PATH_UNITS 260
#define FIRST_NUMBER 7
/* The least that a self-relative security descriptor has [D: SECURITY_DESCRIPTOR]. */
#define DESCRIPTOR_BYTES 20

typedef struct {
  unit_t *image; /* NULL where there is no attachment */
  uint64_t owner;
  uint32_t flags;
  unit_t device[DEVICE_PATH_UNITS];
} attachment_t;

static attachment_t attachments[ATTACHMENTS];
static uint32_t next_number;
/* What the test said that the next attached disk is called. */
static unit_t next_device[DEVICE_PATH_UNITS];

static void drop(attachment_t *attachment) {
  free(attachment->image);
  *attachment = (attachment_t){0};
}

/* The next device of its kind; an attachment has room for it.
   [O] nine published outputs of Mount-DiskImage have CDROM in capitals. */
static void name_device(attachment_t *attachment, int is_iso) {
  char text[64];
  snprintf(text, sizeof text, is_iso ? "\\\\.\\CDROM%u" : "\\\\.\\PhysicalDrive%u", next_number++);
  for (uint32_t i = 0; text[i]; i++) attachment->device[i] = (uint8_t)text[i];
}

/* Whoever has no test around it, a program of its own, finds attached what this variable lists: paths of
   images, with semicolons between them. */
static void attach_listed(void) {
  const char *text = getenv("VIRTDISK_DOUBLE_ATTACHED");
  for (int i = 0; text && *text && i < ATTACHMENTS; i++) {
    const size_t length = strcspn(text, ";");
    unit_t *image = calloc(length + 1, sizeof *image);
    if (!image) abort();
    for (size_t j = 0; j < length; j++) image[j] = (uint8_t)text[j];
    attachments[i] = (attachment_t){.image = image, .flags = FLAG_PERMANENT_LIFETIME};
    name_device(&attachments[i], length > 4 && !memcmp(text + length - 4, ".iso", 4));
    text += length + (text[length] == ';');
  }
}

void attachments_reset(void) {
  for (int i = 0; i < ATTACHMENTS; i++) drop(&attachments[i]);
  next_number = FIRST_NUMBER;
  next_device[0] = 0;
  attach_listed();
}

static attachment_t *find(const disk_t *disk) {
  handles_sweep();
  for (int i = 0; i < ATTACHMENTS; i++) {
    if (attachments[i].image && units_equal(attachments[i].image, disk->path)) return &attachments[i];
  }
  return NULL;
}

int attached_as(const disk_t *disk) {
  const attachment_t *attachment = find(disk);
  if (!attachment) return ATTACHED_NOT;
  return attachment->flags & FLAG_READ_ONLY ? ATTACHED_READ_ONLY : ATTACHED_READ_WRITE;
}

/* [D] */
void attachments_of_closed(uint64_t serial) {
  for (int i = 0; i < ATTACHMENTS; i++) {
    if (attachments[i].owner == serial && !(attachments[i].flags & FLAG_PERMANENT_LIFETIME)) {
      drop(&attachments[i]);
    }
  }
}

uint32_t attachment_add(const disk_t *disk, uint32_t flags) {
  if (find(disk)) return CODE_BAD_COMMAND; /* [O] */
  attachment_t *free_one = attachments;
  while (free_one < attachments + ATTACHMENTS && free_one->image) free_one++;
  if (free_one == attachments + ATTACHMENTS) return CODE_NOT_ENOUGH_MEMORY;
  *free_one = (attachment_t){.image = units_copy(disk->path), .owner = disk->serial, .flags = flags};
  if (!free_one->image) return CODE_NOT_ENOUGH_MEMORY;
  if (flags & FLAG_NO_LOCAL_HOST) return CODE_SUCCESS;
  if (next_device[0]) {
    memcpy(free_one->device, next_device, sizeof next_device);
    next_device[0] = 0;
    return CODE_SUCCESS;
  }
  name_device(free_one, disk->device == DEVICE_ISO);
  return CODE_SUCCESS;
}

/* The version: [D], and 2 [H][M]. A range without its flag must be zero [M]; the codes [I: attach-parameters]. */
static uint32_t check_parameters(uint32_t flags, const ATTACH_VIRTUAL_DISK_PARAMETERS_ *p) {
  const uint32_t version = p ? p->Version : 1;
  if (version != 1 && version != 2) return CODE_INVALID_PARAMETER;
  const int ranged = (flags & FLAG_RESTRICTED_RANGE) != 0;
  if (version == 1) {
    const int reserved = p && p->Version1.Reserved != 0;
    return ranged || reserved ? CODE_INVALID_PARAMETER : CODE_SUCCESS;
  }
  const int range = p->Version2.RestrictedOffset != 0 || p->Version2.RestrictedLength != 0;
  return range && !ranged ? CODE_INVALID_PARAMETER : CODE_SUCCESS;
}

static uint32_t check(handle_t handle, uint32_t flags, uint32_t provider_flags,
                      const ATTACH_VIRTUAL_DISK_PARAMETERS_ *p) {
  const disk_t *disk = handle_find(handle);
  if (!disk) return wrong_handle(handle);
  if (flags & ~(uint32_t)FLAGS_ALL) return CODE_INVALID_PARAMETER; /* [D], as the header knows them [H] */
  if (provider_flags != 0) return CODE_INVALID_PARAMETER;          /* [D], the code [I: provider-flags] */
  const uint32_t wrong = check_parameters(flags, p);
  if (wrong) return wrong;
  if (disk->device == DEVICE_ISO) {
    /* [D], the codes [I: iso-attach] */
    if (flags & FLAG_NO_LOCAL_HOST) return CODE_INVALID_PARAMETER;
    if (!(flags & FLAG_READ_ONLY)) return CODE_NOT_SUPPORTED;
  }
  /* The right to write includes the lesser one. The rule [D][M], the code [O]. */
  const uint32_t rights = disk->rights & (ACCESS_ATTACH_RW | ACCESS_ATTACH_RO);
  if (rights == 0) return CODE_ACCESS_DENIED;
  if (!(flags & FLAG_READ_ONLY) && !(rights & ACCESS_ATTACH_RW)) return CODE_ACCESS_DENIED;
  return find(disk) ? CODE_BAD_COMMAND : CODE_SUCCESS; /* [O] */
}

EXPORT uint32_t AttachVirtualDisk(handle_t handle, const void *security_descriptor, uint32_t flags,
                                  uint32_t provider_flags,
                                  const ATTACH_VIRTUAL_DISK_PARAMETERS_ *parameters,
                                  OVERLAPPED_ *overlapped) {
  record_t *call = call_begin(FN_AttachVirtualDisk);
  put_number(call, "handle", (uintptr_t)handle);
  put_bool(call, "securityDescriptorGiven", security_descriptor != NULL);
  put_number(call, "flags", flags);
  put_number(call, "providerSpecificFlags", provider_flags);
  put_bool(call, "overlappedGiven", overlapped != NULL);
  if (parameters) {
    put_open(call, "parameters");
    put_number(call, "version", parameters->Version);
    if (parameters->Version == 1) put_number(call, "reserved", parameters->Version1.Reserved);
    if (parameters->Version == 2) {
      put_number(call, "restrictedOffset", parameters->Version2.RestrictedOffset);
      put_number(call, "restrictedLength", parameters->Version2.RestrictedLength);
    }
    put_close(call);
    watch(parameters, sizeof *parameters);
    if (security_descriptor) watch(security_descriptor, DESCRIPTOR_BYTES);
  } else {
    put_null(call, "parameters");
  }
  uint32_t result = check(handle, flags, provider_flags, parameters);
  if (!result) result = call_told(FN_AttachVirtualDisk);
  if (result) return call_end(FN_AttachVirtualDisk, result);
  return operation_run(FN_AttachVirtualDisk, handle, overlapped, flags);
}

static uint32_t detach(const disk_t *disk) {
  attachment_t *attachment = find(disk);
  if (!attachment) return CODE_NOT_FOUND; /* [O] */
  drop(attachment);
  return CODE_SUCCESS;
}

EXPORT uint32_t DetachVirtualDisk(handle_t handle, uint32_t flags, uint32_t provider_flags) {
  record_t *call = call_begin(FN_DetachVirtualDisk);
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "flags", flags);
  put_number(call, "providerSpecificFlags", provider_flags);
  const disk_t *disk = handle_find(handle);
  uint32_t result = disk ? check_rights(disk, ACCESS_DETACH) : wrong_handle(handle);
  if (disk && flags != 0) result = CODE_INVALID_PARAMETER;          /* [D] */
  if (disk && provider_flags != 0) result = CODE_INVALID_PARAMETER; /* [D], the code [I: provider-flags] */
  if (!result) result = call_told(FN_DetachVirtualDisk);
  if (!result) result = detach(disk);
  return call_end(FN_DetachVirtualDisk, result);
}

/* [M], and of the device [O]. */
static uint32_t give_text(const unit_t *text, uint32_t units, uint32_t *size, unit_t *buffer) {
  const uint32_t needed = units * (uint32_t)sizeof *text, given = *size;
  *size = needed;
  if (given < needed || !buffer) return CODE_INSUFFICIENT_BUFFER;
  memcpy(buffer, text, needed);
  return CODE_SUCCESS;
}

static uint32_t physical_path(const disk_t *disk, uint32_t *size, unit_t *buffer) {
  const attachment_t *attachment = find(disk);
  /* [O] of a disk that is not attached; of one without a local host there is none [M], the code
     [I: device-no-host] */
  if (!attachment || !attachment->device[0]) return CODE_DEV_NOT_EXIST;
  const uint32_t units = units_length(attachment->device, DEVICE_PATH_UNITS) + 1;
  return give_text(attachment->device, units, size, buffer);
}

EXPORT uint32_t GetVirtualDiskPhysicalPath(handle_t handle, uint32_t *size, unit_t *buffer) {
  record_t *call = call_begin(FN_GetVirtualDiskPhysicalPath);
  put_number(call, "handle", (uintptr_t)handle);
  if (size) put_number(call, "size", *size);
  put_bool(call, "bufferGiven", buffer != NULL);
  const disk_t *disk = handle_find(handle);
  uint32_t result = check_rights(disk, ACCESS_GET_INFO);
  if (disk && (!size || (*size > 0 && !buffer))) result = CODE_INVALID_PARAMETER; /* [guard] */
  if (!result) result = call_told(FN_GetVirtualDiskPhysicalPath);
  if (!result) result = physical_path(disk, size, buffer);
  return call_end(FN_GetVirtualDiskPhysicalPath, result);
}

/* The paths of the image files [O] one after the other, each with its NUL, and one more [I: path-list-end];
   none at all is nothing [M]. A disk without a local host is not in the list [I: path-list-no-host]. */
static uint32_t all_paths(uint32_t *size, unit_t *buffer) {
  static unit_t text[ATTACHMENTS * PATH_UNITS + 1];
  uint32_t units = 0;
  handles_sweep();
  for (int i = 0; i < ATTACHMENTS; i++) {
    if (!attachments[i].image || !attachments[i].device[0]) continue;
    const uint32_t length = units_length(attachments[i].image, PATH_UNITS) + 1;
    memcpy(text + units, attachments[i].image, length * sizeof *text);
    units += length;
  }
  if (units == 0) {
    *size = 0;
    return CODE_SUCCESS;
  }
  text[units++] = 0;
  return give_text(text, units, size, buffer);
}

EXPORT uint32_t GetAllAttachedVirtualDiskPhysicalPaths(uint32_t *size, unit_t *buffer) {
  record_t *call = call_begin(FN_GetAllAttachedVirtualDiskPhysicalPaths);
  if (size) put_number(call, "size", *size);
  put_bool(call, "bufferGiven", buffer != NULL);
  uint32_t result = CODE_INVALID_PARAMETER; /* [guard] */
  if (size && (*size == 0 || buffer)) {
    result = call_told(FN_GetAllAttachedVirtualDiskPhysicalPaths);
    if (!result) result = all_paths(size, buffer);
  }
  return call_end(FN_GetAllAttachedVirtualDiskPhysicalPaths, result);
}

/* The number of the next disk that is attached; the ones after it count up. */
EXPORT void DoubleSetDiskNumber(uint32_t number) {
  lock();
  next_number = number;
  unlock();
}

/* The whole device path of the next disk that is attached; gives 0 where it is too long. */
EXPORT uint32_t DoubleNextDevicePath(const unit_t *path) {
  const uint32_t units = units_length(path, DEVICE_PATH_UNITS) + 1;
  if (units > DEVICE_PATH_UNITS) return 0;
  lock();
  memcpy(next_device, path, units * sizeof *path);
  unlock();
  return 1;
}

/* Images that are attached. */
EXPORT uint32_t DoubleAttachments(void) {
  lock();
  handles_sweep();
  uint32_t count = 0;
  for (int i = 0; i < ATTACHMENTS; i++) count += attachments[i].image != NULL;
  unlock();
  return count;
}
