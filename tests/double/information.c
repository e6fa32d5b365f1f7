/* GetVirtualDiskInformation: the fifteen classes, answered from what the double was told. */
#include <stdlib.h>
#include <string.h>

#include "double.h"

/* What a failed call leaves in the caller's structure, which is undefined then. */
#define POISON 0xa5

/* A class as told: its structure without text, and the text of the two classes that have some. */
static struct {
  uint32_t result;
  GET_VIRTUAL_DISK_INFO_ info;
  uint32_t units;
  unit_t text[PATH_UNITS];
} classes[INFO_CLASSES];
static uint32_t demands;

/* The parents of images that the test named; of other images PARENT_LOCATION is as told for all. */
#define PARENTS 8
static struct {
  unit_t *child, *parent;
} parents[PARENTS];
static uint32_t parent_count;

/* A class that the test says nothing of does not fit the kind of disk: [O] of the parent's. */
void information_reset(void) {
  demands = 0;
  for (uint32_t i = 0; i < parent_count; i++) {
    free(parents[i].child);
    free(parents[i].parent);
  }
  parent_count = 0;
  memset(classes, 0, sizeof classes);
  for (uint32_t i = 0; i < INFO_CLASSES; i++) classes[i].result = CODE_VHD_INVALID_TYPE;
}

/* Where a class has its text; 0 for a class of fixed size. */
static uint32_t text_offset(uint32_t class) {
  switch (class) {
    case INFO_PARENT_LOCATION:
      return offsetof(GET_VIRTUAL_DISK_INFO_, ParentLocation.ParentLocationBuffer);
    case INFO_CHANGE_TRACKING_STATE:
      return offsetof(GET_VIRTUAL_DISK_INFO_, ChangeTrackingState.MostRecentId);
    default: return 0;
  }
}

/* Bytes of the class's answer: never less than the structure of the header [M]; what of less room is [I: info-size]. */
static uint32_t needed_bytes(uint32_t class) {
  const uint32_t fixed = sizeof(GET_VIRTUAL_DISK_INFO_), text = text_offset(class);
  const uint32_t all = text == 0 ? 0 : text + classes[class].units * (uint32_t)sizeof(unit_t);
  return all > fixed ? all : fixed;
}

static uint32_t set_text(uint32_t class, const unit_t *text, uint32_t units) {
  if (units > PATH_UNITS) return 0;
  classes[class].units = units;
  memcpy(classes[class].text, text, units * sizeof *text);
  classes[class].result = CODE_SUCCESS;
  return 1;
}

/* A parent that was not opened with the child is one of its candidates [I: parent-not-opened]. */
static void find_parent(const disk_t *disk) {
  classes[INFO_PARENT_LOCATION].result = CODE_VHD_INVALID_TYPE; /* [O] */
  for (uint32_t i = 0; i < parent_count; i++) {
    if (!units_equal(parents[i].child, disk->path)) continue;
    static unit_t list[PATH_UNITS + 1];
    const uint32_t units = units_length(parents[i].parent, PATH_UNITS) + 1;
    memcpy(list, parents[i].parent, units * sizeof *list);
    list[units] = 0;
    set_text(INFO_PARENT_LOCATION, list, units + 1);
    classes[INFO_PARENT_LOCATION].info.ParentLocation.ParentResolved =
        !(disk->flags & OPEN_FLAG_NO_PARENTS);
  }
}

static uint32_t fill(handle_t handle, uint32_t *size, GET_VIRTUAL_DISK_INFO_ *info, uint32_t *used) {
  const disk_t *disk = handle_find(handle);
  if (!disk) return CODE_INVALID_HANDLE; /* [O]; [I: foreign-handle] */
  const uint32_t class = info->Version;
  if (class == 0 || class >= INFO_CLASSES) return CODE_INVALID_PARAMETER; /* [I: unknown-class] */
  if (!(disk->rights & ACCESS_GET_INFO)) return CODE_ACCESS_DENIED;       /* [O] */
  const uint32_t told = call_told(FN_GetVirtualDiskInformation);
  if (told) return told;
  if (class == INFO_PARENT_LOCATION && parent_count > 0) find_parent(disk);
  if (classes[class].result) return classes[class].result;
  uint32_t needed = needed_bytes(class);
  if (demands > 0) {
    demands--;
    needed = *size + 2;
  }
  if (*size < needed) {
    *size = needed;
    return CODE_INSUFFICIENT_BUFFER; /* [M] */
  }
  const uint32_t text = text_offset(class);
  if (text == 0) {
    *info = classes[class].info;
  } else {
    memcpy(info, &classes[class].info, text);
    memcpy((uint8_t *)info + text, classes[class].text, classes[class].units * sizeof(unit_t));
  }
  info->Version = class;
  if (used) *used = needed;
  return CODE_SUCCESS;
}

EXPORT uint32_t GetVirtualDiskInformation(handle_t handle, uint32_t *size,
                                          GET_VIRTUAL_DISK_INFO_ *info, uint32_t *used) {
  const uint32_t head = offsetof(GET_VIRTUAL_DISK_INFO_, Size);
  record_t *call = call_begin(FN_GetVirtualDiskInformation);
  put_number(call, "handle", (uintptr_t)handle);
  if (size) put_number(call, "size", *size);
  if (info && size && *size >= sizeof info->Version) put_number(call, "version", info->Version);
  put_bool(call, "usedGiven", used != NULL);
  uint32_t result = CODE_INVALID_PARAMETER; /* [guard]; of too little room [I: info-size] */
  if (size && info && *size >= head) {
    const uint32_t given = *size;
    result = fill(handle, size, info, used);
    if (result) memset((uint8_t *)info + head, POISON, given - head);
  }
  return call_end(FN_GetVirtualDiskInformation, result);
}

/* The next `times` calls that could be answered ask for two bytes more than they were given, as when
   the answer grows between two calls. */
EXPORT void DoubleDemandMore(uint32_t times) {
  lock();
  demands = times;
  unlock();
}

/* Each call with this class ends with `code`. */
EXPORT void DoubleSetClassResult(uint32_t class, uint32_t code) {
  lock();
  if (class < INFO_CLASSES) classes[class].result = code;
  unlock();
}

EXPORT void DoubleSetSize(uint64_t virtual_size, uint64_t physical_size, uint32_t block_size,
                          uint32_t sector_size) {
  lock();
  GET_VIRTUAL_DISK_INFO_ *info = &classes[INFO_SIZE].info;
  info->Size.VirtualSize = virtual_size;
  info->Size.PhysicalSize = physical_size;
  info->Size.BlockSize = block_size;
  info->Size.SectorSize = sector_size;
  classes[INFO_SIZE].result = CODE_SUCCESS;
  unlock();
}

/* A class that is one GUID, given as text; gives 0 where the class or the text is none such. */
EXPORT uint32_t DoubleSetGuid(uint32_t class, const char *text) {
  guid_t guid;
  if (!guid_parse(text, &guid)) return 0;
  lock();
  uint32_t known = 1;
  switch (class) {
    case INFO_IDENTIFIER: classes[class].info.Identifier = guid; break;
    case INFO_PARENT_IDENTIFIER: classes[class].info.ParentIdentifier = guid; break;
    case INFO_VIRTUAL_DISK_ID: classes[class].info.VirtualDiskId = guid; break;
    default: known = 0;
  }
  if (known) classes[class].result = CODE_SUCCESS;
  unlock();
  return known;
}

/* A class that is one number or BOOL; gives 0 where the class is none such. */
EXPORT uint32_t DoubleSetNumber(uint32_t class, uint64_t value) {
  lock();
  uint32_t known = 1;
  GET_VIRTUAL_DISK_INFO_ *info = class < INFO_CLASSES ? &classes[class].info : NULL;
  switch (class) {
    case INFO_PARENT_TIMESTAMP: info->ParentTimestamp = (uint32_t)value; break;
    case INFO_PROVIDER_SUBTYPE: info->ProviderSubtype = (uint32_t)value; break;
    case INFO_IS_4K_ALIGNED: info->Is4kAligned = (bool32_t)value; break;
    case INFO_VHD_PHYSICAL_SECTOR_SIZE: info->VhdPhysicalSectorSize = (uint32_t)value; break;
    case INFO_SMALLEST_SAFE_VIRTUAL_SIZE: info->SmallestSafeVirtualSize = value; break;
    case INFO_FRAGMENTATION: info->FragmentationPercentage = (uint32_t)value; break;
    case INFO_IS_LOADED: info->IsLoaded = (bool32_t)value; break;
    default: known = 0;
  }
  if (known) classes[class].result = CODE_SUCCESS;
  unlock();
  return known;
}

EXPORT uint32_t DoubleSetStorageType(uint32_t device, const char *vendor) {
  guid_t guid;
  if (!guid_parse(vendor, &guid)) return 0;
  lock();
  GET_VIRTUAL_DISK_INFO_ *info = &classes[INFO_VIRTUAL_STORAGE_TYPE].info;
  info->VirtualStorageType.DeviceId = device;
  info->VirtualStorageType.VendorId = guid;
  classes[INFO_VIRTUAL_STORAGE_TYPE].result = CODE_SUCCESS;
  unlock();
  return 1;
}

EXPORT void DoubleSetPhysicalDisk(uint32_t logical, uint32_t physical, bool32_t remote) {
  lock();
  GET_VIRTUAL_DISK_INFO_ *info = &classes[INFO_PHYSICAL_DISK].info;
  info->PhysicalDisk.LogicalSectorSize = logical;
  info->PhysicalDisk.PhysicalSectorSize = physical;
  info->PhysicalDisk.IsRemote = remote;
  classes[INFO_PHYSICAL_DISK].result = CODE_SUCCESS;
  unlock();
}

/* `units` of `text` go out as they are: whether they are a well-formed multi-string is the test's. */
EXPORT uint32_t DoubleSetParentLocation(bool32_t resolved, const unit_t *text, uint32_t units) {
  lock();
  classes[INFO_PARENT_LOCATION].info.ParentLocation.ParentResolved = resolved;
  const uint32_t fits = set_text(INFO_PARENT_LOCATION, text, units);
  unlock();
  return fits;
}

EXPORT uint32_t DoubleSetChangeTracking(bool32_t enabled, bool32_t newer, const unit_t *text,
                                        uint32_t units) {
  lock();
  GET_VIRTUAL_DISK_INFO_ *info = &classes[INFO_CHANGE_TRACKING_STATE].info;
  info->ChangeTrackingState.Enabled = enabled;
  info->ChangeTrackingState.NewerChanges = newer;
  const uint32_t fits = set_text(INFO_CHANGE_TRACKING_STATE, text, units);
  unlock();
  return fits;
}

/* Makes an image the child of another; gives 0 where there are too many. Images that no call names have no
   parent then. */
EXPORT uint32_t DoubleAddParent(const unit_t *child, const unit_t *parent) {
  lock();
  const uint32_t fits = parent_count < PARENTS;
  if (fits) {
    parents[parent_count].child = units_copy(child);
    parents[parent_count].parent = units_copy(parent);
    parent_count++;
  }
  unlock();
  return fits;
}
