/* ForkVirtualDisk and CompleteForkVirtualDisk, which Windows has since Windows 10 version 1809. */
#ifndef DOUBLE_WINDOWS_8
#include "copies.h"

#define FORK_FLAGS_ALL 1

EXPORT uint32_t ForkVirtualDisk(handle_t handle, uint32_t flags, const COPY_PARAMETERS_ *parameters,
                                OVERLAPPED_ *overlapped) {
  return copy_start(FN_ForkVirtualDisk, FORK_FLAGS_ALL, handle, flags, parameters, overlapped);
}

EXPORT uint32_t CompleteForkVirtualDisk(handle_t handle) {
  return copy_finish(FN_CompleteForkVirtualDisk, FN_ForkVirtualDisk, handle);
}
#endif
