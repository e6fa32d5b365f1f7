/* GetStorageDependencyInformation: the entries that the test gave, whatever the object. */
#include <stdlib.h>
#include <string.h>

#include "double.h"

#define ENTRIES 16
#define STRINGS 4
#define FLAG_DISK_HANDLE 2
#define FLAGS_ALL 3

static struct {
  STORAGE_DEPENDENCY_INFO_TYPE_2_ entry;
  unit_t *strings[STRINGS];
} entries[ENTRIES];
static uint32_t count, demands;
/* Whether an answer that fits comes with ERROR_MORE_DATA, which Windows' own callers accept [O]. */
static int more_data;

void dependencies_reset(void) {
  for (uint32_t i = 0; i < count; i++) {
    for (int s = 0; s < STRINGS; s++) free(entries[i].strings[s]);
  }
  count = demands = 0;
  more_data = 0;
}

static uint32_t bytes_of(const unit_t *text) {
  return (units_length(text, PATH_UNITS - 1) + 1) * (uint32_t)sizeof *text;
}

static uint32_t needed_bytes(uint32_t version) {
  if (version == 1) {
    return (uint32_t)(sizeof(STORAGE_DEPENDENCY_HEAD_) +
                      count * sizeof(STORAGE_DEPENDENCY_INFO_TYPE_1_));
  }
  uint32_t bytes = (uint32_t)(sizeof(STORAGE_DEPENDENCY_HEAD_) +
                              count * sizeof(STORAGE_DEPENDENCY_INFO_TYPE_2_));
  for (uint32_t i = 0; i < count; i++) {
    for (int s = 0; s < STRINGS; s++) bytes += bytes_of(entries[i].strings[s]);
  }
  return bytes;
}

static void fill(STORAGE_DEPENDENCY_HEAD_ *head) {
  head->NumberEntries = count;
  STORAGE_DEPENDENCY_INFO_TYPE_1_ *type1 = (void *)(head + 1);
  STORAGE_DEPENDENCY_INFO_TYPE_2_ *type2 = (void *)(head + 1);
  uint8_t *text = (uint8_t *)(type2 + count);
  for (uint32_t i = 0; i < count; i++) {
    if (head->Version == 1) {
      memcpy(&type1[i], &entries[i].entry, sizeof *type1);
      continue;
    }
    type2[i] = entries[i].entry;
    for (int s = 0; s < STRINGS; s++) {
      const uint32_t bytes = bytes_of(entries[i].strings[s]);
      memcpy(text, entries[i].strings[s], bytes);
      type2[i].Strings[s] = (unit_t *)(void *)text;
      text += bytes;
    }
  }
}

static uint32_t answer(uint32_t size, STORAGE_DEPENDENCY_HEAD_ *head, uint32_t *used) {
  if (count == 0) return CODE_VIRTDISK_NOT_VIRTUAL_DISK; /* [O]; 1 and 50 where a test says so [O] */
  uint32_t needed = needed_bytes(head->Version);
  if (demands > 0) {
    demands--;
    needed = size + 2;
  }
  if (used) *used = needed;
  if (size < needed) return CODE_INSUFFICIENT_BUFFER; /* [M] */
  fill(head);
  return more_data ? CODE_MORE_DATA : CODE_SUCCESS;
}

/* The request to a disk, control code 0x2D518C, has FILE_READ_ACCESS; that to a volume or file has
   FILE_ANY_ACCESS [M][O]. */
static uint32_t check_object(handle_t object, uint32_t flags) {
  if (!handle_is_any(object)) return CODE_INVALID_HANDLE; /* [O] */
  if ((flags & FLAG_DISK_HANDLE) && !handle_may_read(object)) return CODE_ACCESS_DENIED; /* [O] */
  return CODE_SUCCESS;
}

EXPORT uint32_t GetStorageDependencyInformation(handle_t object, uint32_t flags, uint32_t size,
                                                STORAGE_DEPENDENCY_HEAD_ *head, uint32_t *used) {
  record_t *call = call_begin(FN_GetStorageDependencyInformation);
  put_number(call, "handle", (uintptr_t)object);
  put_number(call, "flags", flags);
  put_number(call, "size", size);
  put_bool(call, "infoGiven", head != NULL);
  put_bool(call, "usedGiven", used != NULL);
  /* The version [M]; the code, and that of too little room and of unknown flags [I: dependency-arguments]. */
  uint32_t result = CODE_INVALID_PARAMETER;
  if (head && size >= sizeof *head && !(flags & ~(uint32_t)FLAGS_ALL)) {
    put_number(call, "version", head->Version);
    if (head->Version == 1 || head->Version == 2) {
      result = check_object(object, flags);
      if (!result) result = call_told(FN_GetStorageDependencyInformation);
      if (!result) result = answer(size, head, used);
    }
  }
  return call_end(FN_GetStorageDependencyInformation, result);
}

/* One more entry; the strings follow one another, each with its NUL: device, host volume, dependent
   volume, path on the host volume. Gives 0 where there are too many or the vendor is no GUID. */
EXPORT uint32_t DoubleAddDependency(uint32_t type_flags, uint32_t provider_flags, uint32_t device,
                                    const char *vendor, uint32_t level, const unit_t *strings) {
  guid_t guid;
  if (!guid_parse(vendor, &guid)) return 0;
  lock();
  const uint32_t fits = count < ENTRIES;
  if (fits) {
    entries[count].entry = (STORAGE_DEPENDENCY_INFO_TYPE_2_){
        .DependencyTypeFlags = type_flags,
        .ProviderSpecificFlags = provider_flags,
        .VirtualStorageType = {device, guid},
        .AncestorLevel = level,
    };
    for (int s = 0; s < STRINGS; s++) {
      entries[count].strings[s] = units_copy(strings);
      if (!entries[count].strings[s]) abort();
      strings += units_length(strings, PATH_UNITS) + 1;
    }
    count++;
  }
  unlock();
  return fits;
}

/* The next `times` queries ask for two bytes more than they were given. */
EXPORT void DoubleDemandMoreDependencies(uint32_t times) {
  lock();
  demands = times;
  unlock();
}

/* Every answer that fits comes with ERROR_MORE_DATA. */
EXPORT void DoubleDependenciesWithMoreData(void) {
  lock();
  more_data = 1;
  unlock();
}
