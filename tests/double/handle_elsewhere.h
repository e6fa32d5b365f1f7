/* Handles where there is no Windows kernel: of disks, and of what kernel32.dll makes. */
#ifndef VIRTDISK_DOUBLE_HANDLE_ELSEWHERE_H
#define VIRTDISK_DOUBLE_HANDLE_ELSEWHERE_H

#include "double.h"

typedef enum { HANDLE_CLOSED, HANDLE_DISK, HANDLE_EVENT, HANDLE_FILE } handle_kind_t;

typedef struct {
  handle_kind_t kind;
  disk_t disk;
  int file;                /* a descriptor: of a file, or of a disk that is backed by one, else -1 */
  int may_read, may_write; /* of a file: what CreateFileW was asked for */
  int signalled, manual;
} object_t;

/* Under the lock, all of them. NULL where the handle is not open. */
object_t *object_find(handle_t handle);
/* NULL where there are too many handles. */
object_t *object_new(handle_kind_t kind, handle_t *handle);
int object_close(handle_t handle);

/* Bytes of the longest path in UTF-8, with the NUL. */
#define HOST_NAME_BYTES (3 * PATH_UNITS)
/* The name of the file of this system that a path stands for, without \\?\; 0 where the path is one that
   Windows does not take. Not under the lock. */
int host_name(const unit_t *path, char name[HOST_NAME_BYTES]);

#endif
