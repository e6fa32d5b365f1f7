/* What the files of the double share. One lock guards all of it: a nonblocking call comes on a thread
   of its own, and a long operation runs on one. Unless it says otherwise, a function declared here is
   called under the lock. */

/* Every answer names its evidence, in the words of the digest of the API: [D] Microsoft's pages, [H] the header, [A] other
   documents of Microsoft, [M] Microsoft's own programs, [O] seen by others, [I: id] inferred alone and listed in inferred.ts.
   [guard] is no answer of Windows, which may crash there: it is refused for a test to see it. On a failure every output is
   undefined [D], for which the double leaves poison. */
#ifndef VIRTDISK_DOUBLE_DOUBLE_H
#define VIRTDISK_DOUBLE_DOUBLE_H

#include "functions.h"
#include "parameters.h"
#include "record.h"

/* The longest path that Windows knows, in UTF-16 units with the NUL. */
#define PATH_UNITS 32768

void lock(void);
void unlock(void);

/* What stands behind a handle of OpenVirtualDisk or CreateVirtualDisk. */
typedef struct {
  uint64_t serial;          /* never used again, as the value of a handle is */
  uint32_t version;         /* of the parameters that it was opened with */
  uint32_t rights;          /* VIRTUAL_DISK_ACCESS_* that the handle stands for */
  uint32_t flags;           /* OPEN_VIRTUAL_DISK_FLAG_* */
  uint32_t rw_depth;        /* version 1 */
  uint32_t device;          /* VIRTUAL_STORAGE_TYPE_DEVICE_*: as given, else by the extension */
  int read_only, info_only; /* version 2 and 3 */
  unit_t *path;             /* allocated; it goes with the handle */
} disk_t;

/* handle_windows.c, handle_elsewhere.c. Opening copies `disk` and takes its path over; where `backing`
   is given, the handle is that file's. */
uint32_t handle_open(const disk_t *disk, const unit_t *backing, handle_t *handle);
/* What is behind the handle; NULL where it is none of an open disk. */
disk_t *handle_find(handle_t handle);
disk_t *handle_find_serial(uint64_t serial);
/* Whether it is a handle of anything. */
int handle_is_any(handle_t handle);
/* Whether the handle was opened for reading. The I/O manager compares this with the access bits of a control
   code, whoever asks [M][O]. */
int handle_may_read(handle_t handle);
/* Closes a handle that is not given out after all. */
void handle_discard(handle_t handle);
/* Forgets disks that were closed without the double being told. */
void handles_sweep(void);
void handles_forget(void);

/* disk.c: a disk from what it was opened or created with. */
uint32_t disk_open(const VIRTUAL_STORAGE_TYPE_ *type, const unit_t *path, disk_t disk,
                   handle_t *handle);
void disk_closed(disk_t *disk);
void disks_reset(void);
void dirty_reset(void); /* open.c */

/* rules.c */
int is_nil(const guid_t *guid);
int is_storage_type(const VIRTUAL_STORAGE_TYPE_ *type);
int is_qualified(const unit_t *path);
uint32_t check_path(const unit_t *path);
/* What a handle that is none of an open disk ends with: one that is open is another's. */
uint32_t wrong_handle(handle_t handle);
uint32_t check_rights(const disk_t *disk, uint32_t right);
/* The device that the extension of a path stands for, DEVICE_UNKNOWN where none does. */
uint32_t device_of(const unit_t *path);

/* calls.c: waits if the test holds calls of this function, and then looks at what is watched. */
void call_wait(function_t function);

/* text.c */
void guid_format(const guid_t *guid, char text[37]);
int guid_parse(const char *text, guid_t *guid);
uint32_t units_length(const unit_t *text, uint32_t limit);
unit_t *units_copy(const unit_t *text);
int units_equal(const unit_t *a, const unit_t *b);

/* attachments.c */
enum { ATTACHED_NOT, ATTACHED_READ_ONLY, ATTACHED_READ_WRITE };
int attached_as(const disk_t *disk);
uint32_t attachment_add(const disk_t *disk, uint32_t flags);
void attachments_of_closed(uint64_t serial);

/* operations.c: ends the record of a long function that kept the rules, as it was told. Unlocks. */
uint32_t operation_run(function_t function, handle_t handle, OVERLAPPED_ *overlapped,
                       uint32_t attach_flags);
/* Lets a mirror or fork end; 0 where there is none that is in step. */
int operation_release(function_t function, uint64_t serial);

/* Back to the state of a library just loaded. */
void calls_reset(void);
void information_reset(void);
void attachments_reset(void);
void dependencies_reset(void);
void metadata_reset(void);
void operations_reset(void);
#ifndef _WIN32
void files_reset(void);
void transfers_reset(void);
#endif
#ifndef DOUBLE_WINDOWS_8
void changes_reset(void);
void raw_scsi_reset(void);
#endif

#endif
