/* The four functions of VHD Sets, which Windows has since Windows 10. */
#ifndef DOUBLE_WINDOWS_8
#include "double.h"

enum { MODIFY_SNAPSHOT_PATH = 1, MODIFY_REMOVE_SNAPSHOT = 2, MODIFY_DEFAULT_SNAPSHOT_PATH = 3 };
/* Each function has one flag. */
#define FLAGS_ALL 1

/* For a VHD Set alone [D], to be changed; the codes [I: vhdset-handle], of flags [I: unknown-flags]. */
static uint32_t finish(function_t function, handle_t handle, uint32_t flags, uint32_t wrong) {
  const disk_t *disk = handle_find(handle);
  uint32_t result = disk ? wrong : (uint32_t)CODE_INVALID_HANDLE;
  if (!result && (flags & ~(uint32_t)FLAGS_ALL)) result = CODE_INVALID_PARAMETER;
  if (!result && disk->device != DEVICE_VHDSET) result = CODE_VHD_INVALID_TYPE;
  if (!result && (disk->read_only || disk->info_only)) result = CODE_ACCESS_DENIED;
  if (!result) result = call_told(function);
  return call_end(function, result);
}

/* The members [D], the codes [I: vhdset-parameters]. */
static uint32_t snapshot(function_t function, handle_t handle, const SNAPSHOT_PARAMETERS_ *p,
                         uint32_t flags) {
  record_t *call = call_begin(function);
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "flags", flags);
  put_bool(call, "parametersGiven", p != NULL);
  uint32_t wrong = CODE_INVALID_PARAMETER;
  if (p) {
    put_number(call, "version", p->Version);
    put_guid(call, "snapshotId", &p->SnapshotId);
    if (function == FN_ApplySnapshotVhdSet) put_guid(call, "leafSnapshotId", &p->LeafSnapshotId);
    if (p->Version == 1 && !is_nil(&p->SnapshotId)) wrong = CODE_SUCCESS;
  }
  return finish(function, handle, flags, wrong);
}

EXPORT uint32_t TakeSnapshotVhdSet(handle_t handle, const SNAPSHOT_PARAMETERS_ *p, uint32_t flags) {
  return snapshot(FN_TakeSnapshotVhdSet, handle, p, flags);
}

EXPORT uint32_t DeleteSnapshotVhdSet(handle_t handle, const SNAPSHOT_PARAMETERS_ *p, uint32_t flags) {
  return snapshot(FN_DeleteSnapshotVhdSet, handle, p, flags);
}

EXPORT uint32_t ApplySnapshotVhdSet(handle_t handle, const SNAPSHOT_PARAMETERS_ *p, uint32_t flags) {
  return snapshot(FN_ApplySnapshotVhdSet, handle, p, flags);
}

/* The members [D], the codes [I: vhdset-parameters]. */
static uint32_t put_members(record_t *call, const MODIFY_VHDSET_PARAMETERS_ *p) {
  switch (p->Version) {
    case MODIFY_SNAPSHOT_PATH:
      put_guid(call, "snapshotId", &p->SnapshotPath.SnapshotId);
      put_string(call, "snapshotFilePath", p->SnapshotPath.SnapshotFilePath);
      if (is_nil(&p->SnapshotPath.SnapshotId)) return CODE_INVALID_PARAMETER;
      return check_path(p->SnapshotPath.SnapshotFilePath);
    case MODIFY_REMOVE_SNAPSHOT:
      put_guid(call, "snapshotId", &p->SnapshotId);
      return is_nil(&p->SnapshotId) ? CODE_INVALID_PARAMETER : CODE_SUCCESS;
    case MODIFY_DEFAULT_SNAPSHOT_PATH:
      put_string(call, "defaultFilePath", p->DefaultFilePath);
      return check_path(p->DefaultFilePath);
    default: return CODE_INVALID_PARAMETER;
  }
}

EXPORT uint32_t ModifyVhdSet(handle_t handle, const MODIFY_VHDSET_PARAMETERS_ *p, uint32_t flags) {
  record_t *call = call_begin(FN_ModifyVhdSet);
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "flags", flags);
  put_bool(call, "parametersGiven", p != NULL);
  uint32_t wrong = CODE_INVALID_PARAMETER; /* [guard] */
  if (p) {
    put_number(call, "version", p->Version);
    wrong = put_members(call, p);
  }
  return finish(FN_ModifyVhdSet, handle, flags, wrong);
}
#endif
