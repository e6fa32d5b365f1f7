/* The other functions that VirtDisk.dll of Windows 8 exports. A binding that declares them does not
   load without them; the double has nothing to answer and says so. Their arguments are the caller's
   to clear away on 64-bit systems, so none is declared. */
#include "virtdisk.h"

#define CALL_NOT_IMPLEMENTED 120
#define NAME_ONLY(function) \
  EXPORT uint32_t function(void); \
  uint32_t function(void) { return CALL_NOT_IMPLEMENTED; }

NAME_ONLY(AddVirtualDiskParent)
NAME_ONLY(AttachVirtualDisk)
NAME_ONLY(BreakMirrorVirtualDisk)
NAME_ONLY(CompactVirtualDisk)
NAME_ONLY(CreateVirtualDisk)
NAME_ONLY(DeleteVirtualDiskMetadata)
NAME_ONLY(DetachVirtualDisk)
NAME_ONLY(EnumerateVirtualDiskMetadata)
NAME_ONLY(ExpandVirtualDisk)
NAME_ONLY(GetAllAttachedVirtualDiskPhysicalPaths)
NAME_ONLY(GetStorageDependencyInformation)
NAME_ONLY(GetVirtualDiskMetadata)
NAME_ONLY(GetVirtualDiskOperationProgress)
NAME_ONLY(GetVirtualDiskPhysicalPath)
NAME_ONLY(MergeVirtualDisk)
NAME_ONLY(MirrorVirtualDisk)
NAME_ONLY(ResizeVirtualDisk)
NAME_ONLY(SetVirtualDiskInformation)
NAME_ONLY(SetVirtualDiskMetadata)
