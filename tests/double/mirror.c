/* MirrorVirtualDisk and BreakMirrorVirtualDisk, and what forks have in common with them. */
#include "copies.h"

#define MIRROR_FLAGS_ALL 0xf

/* The path is fully qualified, there is an OVERLAPPED [D], and the handle is of version 2 [M]; the codes
   [I: unqualified-path] [I: mirror-arguments]. */
static uint32_t check(const disk_t *disk, uint32_t known_flags, uint32_t flags,
                      const COPY_PARAMETERS_ *p, const OVERLAPPED_ *overlapped) {
  if (!disk) return CODE_INVALID_HANDLE;
  if ((flags & ~known_flags) || !p || p->Version != 1 || !overlapped) return CODE_INVALID_PARAMETER;
  const uint32_t wrong_path = check_path(p->Path);
  if (wrong_path) return wrong_path;
  if (!is_qualified(p->Path)) return CODE_INVALID_PARAMETER;
  return disk->version < 2 || disk->info_only ? CODE_ACCESS_DENIED : CODE_SUCCESS;
}

uint32_t copy_start(function_t function, uint32_t known_flags, handle_t handle, uint32_t flags,
                    const COPY_PARAMETERS_ *p, OVERLAPPED_ *overlapped) {
  record_t *call = call_begin(function);
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "flags", flags);
  put_bool(call, "overlappedGiven", overlapped != NULL);
  if (p) {
    put_open(call, "parameters");
    put_number(call, "version", p->Version);
    put_string(call, "path", p->Path);
    put_close(call);
    watch(p, sizeof *p);
    watch_string(p->Path);
  } else {
    put_null(call, "parameters");
  }
  uint32_t result = check(handle_find(handle), known_flags, flags, p, overlapped);
  if (!result) result = call_told(function);
  if (result) return call_end(function, result);
  return operation_run(function, handle, overlapped, 0);
}

uint32_t copy_finish(function_t function, function_t started_by, handle_t handle) {
  record_t *call = call_begin(function);
  put_number(call, "handle", (uintptr_t)handle);
  const disk_t *disk = handle_find(handle);
  uint32_t result = disk ? call_told(function) : (uint32_t)CODE_INVALID_HANDLE; /* [O]; [I: foreign-handle] */
  /* [I: break-nothing] */
  if (!result && !operation_release(started_by, disk->serial)) result = CODE_VHD_INVALID_STATE;
  return call_end(function, result);
}

EXPORT uint32_t MirrorVirtualDisk(handle_t handle, uint32_t flags, const COPY_PARAMETERS_ *parameters,
                                  OVERLAPPED_ *overlapped) {
  return copy_start(FN_MirrorVirtualDisk, MIRROR_FLAGS_ALL, handle, flags, parameters, overlapped);
}

EXPORT uint32_t BreakMirrorVirtualDisk(handle_t handle) {
  return copy_finish(FN_BreakMirrorVirtualDisk, FN_MirrorVirtualDisk, handle);
}
