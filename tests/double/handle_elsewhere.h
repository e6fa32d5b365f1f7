/* Handles where there is no Windows kernel: of disks, and of what kernel32.dll makes. */
#ifndef VIRTDISK_DOUBLE_HANDLE_ELSEWHERE_H
#define VIRTDISK_DOUBLE_HANDLE_ELSEWHERE_H

#include "double.h"

typedef enum { HANDLE_CLOSED, HANDLE_DISK, HANDLE_EVENT } handle_kind_t;

typedef struct {
  handle_kind_t kind;
  disk_t disk;
  int file; /* a descriptor: of a disk that is backed by a file, else -1 */
  int signalled, manual;
} object_t;

/* Under the lock, all of them. NULL where the handle is not open. */
object_t *object_find(handle_t handle);
/* NULL where there are too many handles. */
object_t *object_new(handle_kind_t kind, handle_t *handle);
int object_close(handle_t handle);

#endif
