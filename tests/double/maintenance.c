/* CompactVirtualDisk, MergeVirtualDisk, ExpandVirtualDisk, ResizeVirtualDisk. */
#include "double.h"

enum {
  COMPACT_FLAGS_ALL = 3,
  EXPAND_FLAGS_ALL = 1,
  RESIZE_ALLOW_UNSAFE = 1,
  RESIZE_TO_SMALLEST = 2,
  RESIZE_FLAGS_ALL = 3,
};
#define SECTOR 512

static uint32_t check_metaops(const disk_t *disk) { return check_rights(disk, ACCESS_METAOPS); }

static void put_call(record_t *call, handle_t handle, uint32_t flags, const OVERLAPPED_ *overlapped) {
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "flags", flags);
  put_bool(call, "overlappedGiven", overlapped != NULL);
}

/* The end of each: what was told, then the operation. */
static uint32_t go_on(function_t function, uint32_t result, handle_t handle, OVERLAPPED_ *overlapped) {
  if (!result) result = call_told(function);
  if (result) return call_end(function, result);
  return operation_run(function, handle, overlapped, 0);
}

EXPORT uint32_t CompactVirtualDisk(handle_t handle, uint32_t flags,
                                   const COMPACT_VIRTUAL_DISK_PARAMETERS_ *p,
                                   OVERLAPPED_ *overlapped) {
  record_t *call = call_begin(FN_CompactVirtualDisk);
  put_call(call, handle, flags, overlapped);
  if (p) {
    put_open(call, "parameters");
    put_number(call, "version", p->Version);
    put_number(call, "reserved", p->Reserved);
    put_close(call);
    watch(p, sizeof *p);
  } else {
    put_null(call, "parameters");
  }
  const disk_t *disk = handle_find(handle);
  uint32_t result = check_metaops(disk);
  /* The page wants 0 [D], the header has two [H]: [I: compact-parameters]. */
  if (!result && (flags & ~(uint32_t)COMPACT_FLAGS_ALL)) result = CODE_INVALID_PARAMETER;
  if (!result && p && (p->Version != 1 || p->Reserved != 0)) result = CODE_INVALID_PARAMETER;
  /* [M], the code [I: operation-attached] */
  if (!result && attached_as(disk) == ATTACHED_READ_WRITE) result = CODE_VHD_INVALID_STATE;
  return go_on(FN_CompactVirtualDisk, result, handle, overlapped);
}

/* The rules [D], of version 2 [M]; the codes [I: merge-parameters], of an attached disk [I: operation-attached]. */
static uint32_t check_merge(const disk_t *disk, uint32_t flags,
                            const MERGE_VIRTUAL_DISK_PARAMETERS_ *p) {
  const uint32_t refused = check_metaops(disk);
  if (refused) return refused;
  if (flags != 0 || !p) return CODE_INVALID_PARAMETER;
  if (p->Version == 1) {
    /* Versions of the handle and of the merge go together, and each file to be written was opened so. */
    if (disk->version != 1 || p->Version1.MergeDepth == 0) return CODE_INVALID_PARAMETER;
    if (disk->rw_depth <= p->Version1.MergeDepth) return CODE_ACCESS_DENIED;
    return attached_as(disk) == ATTACHED_NOT ? CODE_SUCCESS : CODE_VHD_INVALID_STATE;
  }
  if (p->Version != 2 || disk->version < 2 || p->Version2.MergeSourceDepth == 0 ||
      p->Version2.MergeTargetDepth <= p->Version2.MergeSourceDepth) {
    return CODE_INVALID_PARAMETER;
  }
  return CODE_SUCCESS;
}

EXPORT uint32_t MergeVirtualDisk(handle_t handle, uint32_t flags,
                                 const MERGE_VIRTUAL_DISK_PARAMETERS_ *p, OVERLAPPED_ *overlapped) {
  record_t *call = call_begin(FN_MergeVirtualDisk);
  put_call(call, handle, flags, overlapped);
  if (p) {
    put_open(call, "parameters");
    put_number(call, "version", p->Version);
    if (p->Version == 1) {
      put_number(call, "mergeDepth", p->Version1.MergeDepth);
      put_tail(call, p, offsetof(MERGE_VIRTUAL_DISK_PARAMETERS_, Version2.MergeTargetDepth), sizeof *p);
    } else {
      put_number(call, "mergeSourceDepth", p->Version2.MergeSourceDepth);
      put_number(call, "mergeTargetDepth", p->Version2.MergeTargetDepth);
    }
    put_close(call);
    watch(p, sizeof *p);
  } else {
    put_null(call, "parameters");
  }
  const uint32_t result = check_merge(handle_find(handle), flags, p);
  return go_on(FN_MergeVirtualDisk, result, handle, overlapped);
}

static void put_size(record_t *call, const SIZE_PARAMETERS_ *p) {
  if (!p) {
    put_null(call, "parameters");
    return;
  }
  put_open(call, "parameters");
  put_number(call, "version", p->Version);
  put_number(call, "newSize", p->NewSize);
  put_close(call);
  watch(p, sizeof *p);
}

/* A whole number of sectors [I: size-parameters]. */
static uint32_t check_size(const disk_t *disk, const SIZE_PARAMETERS_ *p) {
  const uint32_t refused = check_metaops(disk);
  if (refused) return refused;
  return p && p->Version == 1 && p->NewSize % SECTOR == 0 ? CODE_SUCCESS : CODE_INVALID_PARAMETER;
}

EXPORT uint32_t ExpandVirtualDisk(handle_t handle, uint32_t flags, const SIZE_PARAMETERS_ *p,
                                  OVERLAPPED_ *overlapped) {
  record_t *call = call_begin(FN_ExpandVirtualDisk);
  put_call(call, handle, flags, overlapped);
  put_size(call, p);
  const disk_t *disk = handle_find(handle);
  uint32_t result = check_size(disk, p);
  if (!result && (flags & ~(uint32_t)EXPAND_FLAGS_ALL)) result = CODE_INVALID_PARAMETER; /* [I: unknown-flags] */
  if (!result && p->NewSize == 0) result = CODE_INVALID_PARAMETER; /* [I: size-parameters] */
  /* [D], the code [I: operation-attached] */
  if (!result && attached_as(disk) != ATTACHED_NOT) result = CODE_VHD_INVALID_STATE;
  return go_on(FN_ExpandVirtualDisk, result, handle, overlapped);
}

EXPORT uint32_t ResizeVirtualDisk(handle_t handle, uint32_t flags, const SIZE_PARAMETERS_ *p,
                                  OVERLAPPED_ *overlapped) {
  record_t *call = call_begin(FN_ResizeVirtualDisk);
  put_call(call, handle, flags, overlapped);
  put_size(call, p);
  uint32_t result = check_size(handle_find(handle), p);
  const uint32_t both = RESIZE_ALLOW_UNSAFE | RESIZE_TO_SMALLEST;
  if (!result && ((flags & ~(uint32_t)RESIZE_FLAGS_ALL) || (flags & both) == both)) {
    result = CODE_INVALID_PARAMETER; /* [I: unknown-flags] [I: size-parameters] */
  }
  /* The smallest size is asked for with no size [D], any other with one; the code [I: size-parameters]. */
  const int smallest = (flags & RESIZE_TO_SMALLEST) != 0;
  if (!result && smallest != (p->NewSize == 0)) result = CODE_INVALID_PARAMETER;
  return go_on(FN_ResizeVirtualDisk, result, handle, overlapped);
}
