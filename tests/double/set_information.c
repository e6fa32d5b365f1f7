/* SetVirtualDiskInformation and AddVirtualDiskParent. */
#include "double.h"

enum {
  SET_PARENT_PATH = 1,
  SET_IDENTIFIER = 2,
  SET_PARENT_PATH_WITH_DEPTH = 3,
  SET_PHYSICAL_SECTOR_SIZE = 4,
  SET_VIRTUAL_DISK_ID = 5,
  SET_CHANGE_TRACKING_STATE = 6,
  SET_PARENT_LOCATOR = 7,
};

/* Records the members of the class; gives what is wrong with them: the values [D], the codes [I: set-values]; the class
   [D], the code [I: unknown-class]. */
static uint32_t put_members(record_t *call, const SET_VIRTUAL_DISK_INFO_ *info) {
  switch (info->Version) {
    case SET_PARENT_PATH:
      put_string(call, "parentFilePath", info->ParentFilePath);
      return check_path(info->ParentFilePath);
    case SET_IDENTIFIER:
      put_guid(call, "uniqueIdentifier", &info->UniqueIdentifier);
      return CODE_SUCCESS;
    case SET_PARENT_PATH_WITH_DEPTH:
      put_number(call, "childDepth", info->ParentPathWithDepthInfo.ChildDepth);
      put_string(call, "parentFilePath", info->ParentPathWithDepthInfo.ParentFilePath);
      if (info->ParentPathWithDepthInfo.ChildDepth == 0) return CODE_INVALID_PARAMETER;
      return check_path(info->ParentPathWithDepthInfo.ParentFilePath);
    case SET_PHYSICAL_SECTOR_SIZE:
      put_number(call, "vhdPhysicalSectorSize", info->VhdPhysicalSectorSize);
      return info->VhdPhysicalSectorSize == 512 || info->VhdPhysicalSectorSize == 4096
                 ? CODE_SUCCESS
                 : CODE_INVALID_PARAMETER;
    case SET_VIRTUAL_DISK_ID:
      put_guid(call, "virtualDiskId", &info->VirtualDiskId);
      return CODE_SUCCESS;
    case SET_CHANGE_TRACKING_STATE:
      put_signed(call, "changeTrackingEnabled", info->ChangeTrackingEnabled);
      return CODE_SUCCESS;
    case SET_PARENT_LOCATOR:
      put_guid(call, "linkageId", &info->ParentLocator.LinkageId);
      put_string(call, "parentFilePath", info->ParentLocator.ParentFilePath);
      return check_path(info->ParentLocator.ParentFilePath);
    default: return CODE_INVALID_PARAMETER;
  }
}

EXPORT uint32_t SetVirtualDiskInformation(handle_t handle, const SET_VIRTUAL_DISK_INFO_ *info) {
  record_t *call = call_begin(FN_SetVirtualDiskInformation);
  put_number(call, "handle", (uintptr_t)handle);
  put_bool(call, "infoGiven", info != NULL);
  uint32_t wrong = CODE_INVALID_PARAMETER; /* [guard] */
  if (info) {
    put_number(call, "version", info->Version);
    wrong = put_members(call, info);
  }
  const disk_t *disk = handle_find(handle);
  uint32_t result = disk ? wrong : (uint32_t)CODE_INVALID_HANDLE; /* [O]; [I: foreign-handle] */
  if (!result) result = check_rights(disk, ACCESS_METAOPS);
  /* [D], the code [I: operation-attached] */
  if (!result && attached_as(disk) != ATTACHED_NOT) result = CODE_VHD_INVALID_STATE;
  if (!result) result = call_told(FN_SetVirtualDiskInformation);
  return call_end(FN_SetVirtualDiskInformation, result);
}

EXPORT uint32_t AddVirtualDiskParent(handle_t handle, const unit_t *path) {
  record_t *call = call_begin(FN_AddVirtualDiskParent);
  put_number(call, "handle", (uintptr_t)handle);
  put_string(call, "parentPath", path);
  const disk_t *disk = handle_find(handle);
  uint32_t result = disk ? check_path(path) : (uint32_t)CODE_INVALID_HANDLE; /* [O]; [I: foreign-handle] */
  /* For a chain that is built by hand [D], from a version 2 handle that only reads [M]; the codes [I: add-parent]. */
  if (!result && (disk->version < 2 || !(disk->flags & OPEN_FLAG_CUSTOM_DIFF_CHAIN))) {
    result = CODE_INVALID_PARAMETER;
  }
  if (!result && !disk->read_only) result = CODE_ACCESS_DENIED;
  if (!result) result = call_told(FN_AddVirtualDiskParent);
  return call_end(FN_AddVirtualDiskParent, result);
}
