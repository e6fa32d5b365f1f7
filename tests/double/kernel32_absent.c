/* Functions of kernel32.dll that a binding declares and that find nothing where there is no Windows: no
   file, no volume, no device. A binding does not load without them. Their arguments are the caller's to
   clear away on 64-bit systems, so none is declared. */
#ifndef _WIN32
#include "kernel32.h"

#define FAILS(type, function, answer, code)  \
  EXPORT type function(void);                \
  type function(void) {                      \
    last_error = code;                       \
    return answer;                           \
  }

FAILS(bool32_t, GetVolumeInformationW, 0, CODE_FILE_NOT_FOUND)
FAILS(bool32_t, GetVolumeNameForVolumeMountPointW, 0, CODE_FILE_NOT_FOUND)
FAILS(bool32_t, GetVolumePathNameW, 0, CODE_FILE_NOT_FOUND)
FAILS(uint32_t, GetDriveTypeW, 1 /* DRIVE_NO_ROOT_DIR */, CODE_SUCCESS)
FAILS(uint32_t, GetLogicalDrives, 0, CODE_SUCCESS)
FAILS(uint32_t, QueryDosDeviceW, 0, CODE_FILE_NOT_FOUND)
#endif
