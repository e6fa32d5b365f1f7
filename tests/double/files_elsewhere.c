/* The functions of kernel32.dll for files and volumes, where there is no Windows: no file is there, and no
   volume either. */
#ifndef _WIN32
#include "virtdisk.h"

#define INVALID_FILE_ATTRIBUTES 0xffffffffu
#define INVALID_HANDLE ((handle_t)(intptr_t)-1)

EXPORT uint32_t GetFileAttributesW(const unit_t *name) {
  (void)name;
  return INVALID_FILE_ATTRIBUTES;
}

EXPORT bool32_t DeleteFileW(const unit_t *name) {
  (void)name;
  return 0;
}

EXPORT bool32_t MoveFileExW(const unit_t *from, const unit_t *to, uint32_t flags) {
  (void)from, (void)to, (void)flags;
  return 0;
}

EXPORT bool32_t DeviceIoControl(handle_t device, uint32_t question, const void *in, uint32_t in_size,
                                void *out, uint32_t out_size, uint32_t *given, void *overlapped) {
  (void)device, (void)question, (void)in, (void)in_size;
  (void)out, (void)out_size, (void)given, (void)overlapped;
  return 0;
}

EXPORT handle_t FindFirstVolumeW(unit_t *name, uint32_t capacity) {
  (void)name, (void)capacity;
  return INVALID_HANDLE;
}

EXPORT bool32_t FindNextVolumeW(handle_t search, unit_t *name, uint32_t capacity) {
  (void)search, (void)name, (void)capacity;
  return 0;
}

EXPORT bool32_t FindVolumeClose(handle_t search) {
  (void)search;
  return 0;
}

EXPORT bool32_t GetVolumePathNamesForVolumeNameW(const unit_t *volume, unit_t *names,
                                                 uint32_t capacity, uint32_t *needed) {
  (void)volume, (void)names, (void)capacity, (void)needed;
  return 0;
}

EXPORT bool32_t SetVolumeMountPointW(const unit_t *folder, const unit_t *volume) {
  (void)folder, (void)volume;
  return 0;
}

EXPORT bool32_t DeleteVolumeMountPointW(const unit_t *folder) {
  (void)folder;
  return 0;
}
#endif
