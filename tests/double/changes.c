/* QueryChangesVirtualDisk, which Windows has since Windows 10: the ranges that the test gave. */
#ifndef DOUBLE_WINDOWS_8
#include "double.h"

#define RANGES 1024
#define ID_UNITS 256

static QUERY_CHANGES_VIRTUAL_DISK_RANGE_ changes[RANGES];
static uint32_t count, at_once;

void changes_reset(void) {
  count = 0;
  at_once = RANGES;
}

/* Flags are 0 [D], the id has up to 256 characters [H]; the codes [I: changes-arguments]. */
static uint32_t check(const disk_t *disk, const unit_t *id, uint64_t offset, uint64_t length,
                      uint32_t flags, const void *ranges, const uint32_t *range_count,
                      const uint64_t *processed) {
  const uint32_t refused = check_rights(disk, ACCESS_GET_INFO);
  if (refused) return refused;
  if (!id || flags != 0 || !ranges || !range_count || *range_count == 0 || !processed) {
    return CODE_INVALID_PARAMETER;
  }
  if (length == 0 || offset + length < offset) return CODE_INVALID_PARAMETER;
  const uint32_t units = units_length(id, ID_UNITS + 1);
  return units == 0 || units > ID_UNITS ? CODE_VHD_INVALID_CHANGE_TRACKING_ID : CODE_SUCCESS;
}

/* As many of the changes within the bytes from `offset` to `end` as there is room for. */
static void fill(uint64_t offset, uint64_t end, QUERY_CHANGES_VIRTUAL_DISK_RANGE_ *ranges,
                 uint32_t *range_count, uint64_t *processed) {
  const uint32_t room = *range_count < at_once ? *range_count : at_once;
  *range_count = 0;
  *processed = end - offset;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t from = changes[i].ByteOffset, to = from + changes[i].ByteLength;
    if (to <= offset || from >= end) continue;
    if (*range_count == room) {
      *processed = (from > offset ? from : offset) - offset;
      return;
    }
    const uint64_t start = from > offset ? from : offset;
    const uint64_t stop = to < end ? to : end;
    ranges[(*range_count)++] = (QUERY_CHANGES_VIRTUAL_DISK_RANGE_){start, stop - start, 0};
  }
}

EXPORT uint32_t QueryChangesVirtualDisk(handle_t handle, const unit_t *id, uint64_t offset,
                                        uint64_t length, uint32_t flags,
                                        QUERY_CHANGES_VIRTUAL_DISK_RANGE_ *ranges,
                                        uint32_t *range_count, uint64_t *processed) {
  record_t *call = call_begin(FN_QueryChangesVirtualDisk);
  put_number(call, "handle", (uintptr_t)handle);
  put_string(call, "changeTrackingId", id);
  put_number(call, "byteOffset", offset);
  put_number(call, "byteLength", length);
  put_number(call, "flags", flags);
  if (range_count) put_number(call, "rangeCount", *range_count);
  uint32_t result =
      check(handle_find(handle), id, offset, length, flags, ranges, range_count, processed);
  if (!result) result = call_told(FN_QueryChangesVirtualDisk);
  if (!result) fill(offset, offset + length, ranges, range_count, processed);
  return call_end(FN_QueryChangesVirtualDisk, result);
}

/* One more changed range, beyond the last; gives 0 where there are too many. */
EXPORT uint32_t DoubleAddChange(uint64_t offset, uint64_t length) {
  lock();
  const uint32_t fits = count < RANGES;
  if (fits) changes[count++] = (QUERY_CHANGES_VIRTUAL_DISK_RANGE_){offset, length, 0};
  unlock();
  return fits;
}

/* No query gets more ranges than this, however much room it has. */
EXPORT void DoubleLimitChanges(uint32_t ranges) {
  lock();
  at_once = ranges;
  unlock();
}
#endif
