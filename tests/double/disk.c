/* Disks: what OpenVirtualDisk and CreateVirtualDisk give handles of. */
#include <stdlib.h>
#include <string.h>

#include "double.h"

static uint64_t serials;
/* The file whose handle the next disk gets. */
static unit_t *backing;

void disks_reset(void) {
  free(backing);
  backing = NULL;
}

uint32_t disk_open(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, disk_t disk,
                   handle_t *handle) {
  disk.serial = ++serials;
  disk.device = type->DeviceId != DEVICE_UNKNOWN ? type->DeviceId : device_of(path);
  disk.path = units_copy(path);
  if (!disk.path) return CODE_NOT_ENOUGH_MEMORY;
  const uint32_t result = handle_open(&disk, backing, handle);
  if (result) free(disk.path);
  disks_reset();
  return result;
}

/* The handle is closed: an attachment that is not permanent ends with it. */
void disk_closed(disk_t *disk) {
  attachments_of_closed(disk->serial);
  free(disk->path);
  disk->path = NULL;
}

/* Gives the next disk that is opened or created a handle of this file, so that reading and writing
   through the handle reads and writes there, as with a disk that is attached to no local host. Such a
   handle's operations cannot be cancelled. */
EXPORT void DoubleBackWithFile(const unit_t *path) {
  lock();
  free(backing);
  backing = units_copy(path);
  unlock();
}
