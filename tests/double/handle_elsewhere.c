/* Handles where there is no Windows kernel. As there, the lowest free value is given out again at
   once, so a second close of an old handle would close somebody else's. */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#include "handle_elsewhere.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define HANDLES 4096
/* Windows counts handles by fours. */
#define STEP 4
/* The longest path without a prefix, with its NUL; the longest name in it. */
#define MAX_PATH_UNITS 260
#define COMPONENT_UNITS 255

static object_t table[HANDLES];
static uint32_t double_closes;

object_t *object_find(handle_t handle) {
  const uintptr_t value = (uintptr_t)handle;
  if (value == 0 || value % STEP != 0 || value / STEP > HANDLES) return NULL;
  object_t *object = &table[value / STEP - 1];
  return object->kind == HANDLE_CLOSED ? NULL : object;
}

object_t *object_new(handle_kind_t kind, handle_t *handle) {
  for (uintptr_t i = 0; i < HANDLES; i++) {
    if (table[i].kind != HANDLE_CLOSED) continue;
    table[i] = (object_t){.kind = kind, .file = -1};
    *handle = (handle_t)((i + 1) * STEP);
    return &table[i];
  }
  return NULL;
}

static void clear(object_t *object) {
  const handle_kind_t kind = object->kind;
  object->kind = HANDLE_CLOSED;
  if (kind == HANDLE_DISK) disk_closed(&object->disk);
  if (object->file >= 0) close(object->file);
}

int object_close(handle_t handle) {
  object_t *object = object_find(handle);
  if (!object) {
    double_closes++;
    return 0;
  }
  clear(object);
  return 1;
}

static int is_slash(unit_t unit) { return unit == '\\' || unit == '/'; }

int host_name(const unit_t *path, char name[HOST_NAME_BYTES]) {
  const int prefixed = is_slash(path[0]) && is_slash(path[1]) && path[2] == '?' && is_slash(path[3]);
  const uint32_t length = units_length(path, PATH_UNITS);
  if (length == PATH_UNITS || (!prefixed && length >= MAX_PATH_UNITS)) return 0;
  uint32_t component = 0;
  char *end = name;
  for (path += prefixed ? 4 : 0; *path; path++) {
    component = is_slash(*path) ? 0 : component + 1;
    if (component > COMPONENT_UNITS) return 0;
    /* Characters beyond the first 65536 do not occur in tests. */
    if (*path < 0x80) {
      *end++ = (char)*path;
    } else if (*path < 0x800) {
      *end++ = (char)(0xc0 | (*path >> 6));
      *end++ = (char)(0x80 | (*path & 0x3f));
    } else {
      *end++ = (char)(0xe0 | (*path >> 12));
      *end++ = (char)(0x80 | ((*path >> 6) & 0x3f));
      *end++ = (char)(0x80 | (*path & 0x3f));
    }
  }
  *end = 0;
  return 1;
}

static int open_file(const unit_t *path, int read_only) {
  char name[HOST_NAME_BYTES];
  if (!host_name(path, name)) return -1;
  return open(name, read_only ? O_RDONLY : O_RDWR);
}

uint32_t handle_open(const disk_t *disk, const unit_t *backing, handle_t *handle) {
  const int file = backing ? open_file(backing, disk->read_only) : -1;
  if (backing && file < 0) return errno == EACCES ? CODE_ACCESS_DENIED : CODE_FILE_NOT_FOUND;
  object_t *object = object_new(HANDLE_DISK, handle);
  if (!object) {
    if (file >= 0) close(file);
    return CODE_NOT_ENOUGH_MEMORY;
  }
  object->disk = *disk;
  object->file = file;
  return CODE_SUCCESS;
}

disk_t *handle_find(handle_t handle) {
  object_t *object = object_find(handle);
  return object && object->kind == HANDLE_DISK ? &object->disk : NULL;
}

disk_t *handle_find_serial(uint64_t serial) {
  for (uint32_t i = 0; i < HANDLES; i++) {
    if (table[i].kind == HANDLE_DISK && table[i].disk.serial == serial) return &table[i].disk;
  }
  return NULL;
}

void handle_discard(handle_t handle) { object_close(handle); }

int handle_is_any(handle_t handle) { return object_find(handle) != NULL; }

int handle_may_read(handle_t handle) {
  const object_t *object = object_find(handle);
  return object && (object->kind != HANDLE_FILE || object->may_read);
}

void handles_sweep(void) {} /* CloseHandle is the double's own here */

static uint32_t count(int disks) {
  lock();
  uint32_t live = 0;
  for (uint32_t i = 0; i < HANDLES; i++) {
    if (table[i].kind != HANDLE_CLOSED && (table[i].kind == HANDLE_DISK) == disks) live++;
  }
  unlock();
  return live;
}

/* Disks that are open. */
EXPORT uint32_t DoubleLiveHandles(void) { return count(1); }

/* Handles of other things that are open: events and files. */
EXPORT uint32_t DoubleLiveEvents(void) { return count(0); }

void handles_forget(void) {
  for (uint32_t i = 0; i < HANDLES; i++) {
    if (table[i].kind != HANDLE_CLOSED) clear(&table[i]);
  }
  double_closes = 0;
}

/* CloseHandle calls whose handle was not open. */
EXPORT uint32_t DoubleDoubleCloses(void) {
  lock();
  uint32_t count = double_closes;
  unlock();
  return count;
}
#endif
