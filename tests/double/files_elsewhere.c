/* The functions of kernel32.dll for files and volumes, where there is no Windows: files are this system's,
   and volumes there are none. */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handle_elsewhere.h"
#include "kernel32.h"

#define INVALID_FILE_ATTRIBUTES 0xffffffffu
#define INVALID_HANDLE ((handle_t)(intptr_t)-1)

/* Of CreateFileW. A GENERIC_ right stands for the rights that the control codes are compared with. */
#define GENERIC_READ_ 0x80000000u
#define GENERIC_WRITE_ 0x40000000u
#define OPEN_EXISTING_ 3

/* The file of this system that a path stands for; 0 and the last error where it is none that Windows takes
   [D: Naming Files, Maximum Path Length Limitation]: what code a path that is too long ends with is [I:
   long-path]. */
static int host_file(const unit_t *path, char name[HOST_NAME_BYTES]) {
  if (path && host_name(path, name)) return 1;
  last_error = CODE_PATH_NOT_FOUND;
  return 0;
}

static int fails(int error) {
  last_error = error == ENOENT                     ? CODE_FILE_NOT_FOUND
               : error == ENOTDIR                  ? CODE_PATH_NOT_FOUND
               : error == EEXIST                   ? CODE_ALREADY_EXISTS
               : error == EACCES || error == EISDIR ? CODE_ACCESS_DENIED
               : error == ENAMETOOLONG             ? CODE_INVALID_NAME
                                                   : CODE_GEN_FAILURE;
  return 0;
}

/* What the test said that the next calls fail with; 0 for nothing. */
static struct {
  uint32_t code, times;
} told;

static int is_told_to_fail(void) {
  lock();
  const uint32_t code = told.times > 0 ? told.code : 0;
  if (told.times > 0) told.times--;
  unlock();
  if (code) last_error = code;
  return code != 0;
}

void files_reset(void) { told.times = 0; }

/* The next `times` calls that move, delete or open a file fail with `code`, as when a virus scanner has it
   open [O]. */
EXPORT void DoubleNextFileResult(uint32_t code, uint32_t times) {
  lock();
  told.code = code;
  told.times = times;
  unlock();
}

EXPORT handle_t CreateFileW(const unit_t *path, uint32_t access, uint32_t share, const void *security,
                            uint32_t disposition, uint32_t flags, handle_t like) {
  (void)share, (void)security, (void)flags, (void)like;
  char name[HOST_NAME_BYTES];
  if (!host_file(path, name) || is_told_to_fail()) return INVALID_HANDLE;
  if (disposition != OPEN_EXISTING_) {
    last_error = CODE_INVALID_PARAMETER;
    return INVALID_HANDLE;
  }
  const int file = open(name, access & GENERIC_WRITE_ ? O_RDWR : O_RDONLY);
  if (file < 0) {
    fails(errno);
    return INVALID_HANDLE;
  }
  handle_t handle = INVALID_HANDLE;
  lock();
  object_t *object = object_new(HANDLE_FILE, &handle);
  if (object) {
    object->file = file;
    object->may_read = (access & GENERIC_READ_) != 0;
    object->may_write = (access & GENERIC_WRITE_) != 0;
  }
  unlock();
  if (!object) close(file);
  return handle;
}

EXPORT uint32_t GetFileAttributesW(const unit_t *path) {
  char name[HOST_NAME_BYTES];
  struct stat status;
  if (!host_file(path, name)) return INVALID_FILE_ATTRIBUTES;
  if (stat(name, &status) == 0) return S_ISDIR(status.st_mode) ? 0x10 : 0x80;
  fails(errno);
  return INVALID_FILE_ATTRIBUTES;
}

EXPORT bool32_t DeleteFileW(const unit_t *path) {
  char name[HOST_NAME_BYTES];
  if (!host_file(path, name) || is_told_to_fail()) return 0;
  return unlink(name) == 0 || fails(errno);
}

/* Without MOVEFILE_REPLACE_EXISTING a file that is there stays [D]. */
EXPORT bool32_t MoveFileExW(const unit_t *from, const unit_t *to, uint32_t flags) {
  char name[HOST_NAME_BYTES], new_name[HOST_NAME_BYTES];
  struct stat status;
  if (!host_file(from, name) || !host_file(to, new_name) || is_told_to_fail()) return 0;
  if (!(flags & 1) && stat(new_name, &status) == 0) return fails(EEXIST);
  return rename(name, new_name) == 0 || fails(errno);
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
