/* The functions of kernel32.dll that the binding uses, where there is no Windows. */
#ifndef _WIN32
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "handle_elsewhere.h"
#include "kernel32.h"

static const char SYSTEM_DIRECTORY[] = "C:\\Windows\\system32";
static const char CURRENT_DIRECTORY[] = "C:\\work";
_Thread_local uint32_t last_error;




EXPORT bool32_t CloseHandle(handle_t handle) {
  lock();
  const int closed = object_close(handle);
  if (!closed) last_error = CODE_INVALID_HANDLE;
  unlock();
  return closed;
}

EXPORT uint32_t GetLastError(void) { return last_error; }

/* Both functions that give a path give its length where it fits, else the units they need with the
   NUL. */
static uint32_t give_path(const unit_t *path, uint32_t length, uint32_t capacity, unit_t *buffer) {
  if (!buffer || capacity <= length) return length + 1;
  memcpy(buffer, path, length * sizeof *path);
  buffer[length] = 0;
  return length;
}

static uint32_t widen(const char *text, unit_t *units) {
  uint32_t length = 0;
  while (text[length]) {
    units[length] = (uint8_t)text[length];
    length++;
  }
  return length;
}

EXPORT uint32_t GetSystemDirectoryW(unit_t *buffer, uint32_t capacity) {
  unit_t path[sizeof SYSTEM_DIRECTORY];
  return give_path(path, widen(SYSTEM_DIRECTORY, path), capacity, buffer);
}

static int is_slash(unit_t unit) { return unit == '\\' || unit == '/'; }

/* A path with a drive or a leading slash is absolute and stays as it is; another is put under the
   current directory. Dots are not folded. */
EXPORT uint32_t GetFullPathNameW(const unit_t *name, uint32_t capacity, unit_t *buffer,
                                 unit_t **file_part) {
  static unit_t path[sizeof CURRENT_DIRECTORY + PATH_UNITS];
  const uint32_t length = name ? units_length(name, PATH_UNITS) : 0;
  lock();
  uint32_t given = 0;
  if (length == 0 || length == PATH_UNITS) {
    last_error = CODE_INVALID_NAME;
  } else {
    uint32_t start = 0;
    if (!is_slash(name[0]) && !(length > 2 && name[1] == ':' && is_slash(name[2]))) {
      start = widen(CURRENT_DIRECTORY, path);
      path[start++] = '\\';
    }
    memcpy(path + start, name, length * sizeof *name);
    given = give_path(path, start + length, capacity, buffer);
    if (file_part && given < capacity) {
      uint32_t last = given;
      while (last > 0 && !is_slash(path[last - 1])) last--;
      *file_part = buffer + last;
    }
  }
  unlock();
  return given;
}

/* Counts, as Windows does: a library stays until it was freed as often. */
EXPORT handle_t LoadLibraryW(const unit_t *path) {
  char name[HOST_NAME_BYTES];
  void *library = path && host_name(path, name) ? dlopen(name, RTLD_NOW) : NULL;
  if (!library) last_error = CODE_MOD_NOT_FOUND;
  return library;
}

/* The heap of the process, as far as the binding has blocks of it. */
#define HEAP ((handle_t)(uintptr_t)0x10000)
static atomic_uint blocks;

EXPORT handle_t GetProcessHeap(void) { return HEAP; }

EXPORT void *HeapAlloc(handle_t heap, uint32_t flags, size_t bytes) {
  (void)flags;
  void *block = heap == HEAP ? calloc(1, bytes ? bytes : 1) : NULL;
  if (block) blocks++;
  return block;
}

EXPORT bool32_t HeapFree(handle_t heap, uint32_t flags, void *block) {
  (void)flags;
  if (heap != HEAP || !block) return 0;
  blocks--;
  free(block);
  return 1;
}

EXPORT void RtlMoveMemory(void *target, const void *source, size_t bytes) {
  memmove(target, source, bytes);
}

/* Blocks of the heap that were not given back. */
EXPORT uint32_t DoubleLiveBlocks(void) { return blocks; }

/* Copies at most `capacity` units with the NUL, and gives `target`. */
EXPORT unit_t *lstrcpynW(unit_t *target, const unit_t *source, int32_t capacity) {
  if (!target || !source || capacity <= 0) return target;
  const uint32_t length = units_length(source, (uint32_t)capacity - 1);
  memmove(target, source, length * sizeof *source);
  target[length] = 0;
  return target;
}
#endif
