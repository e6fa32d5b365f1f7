/* What the files of the double share. One lock guards all of it: a nonblocking call comes on a thread
   of its own. */
#ifndef VIRTDISK_DOUBLE_DOUBLE_H
#define VIRTDISK_DOUBLE_DOUBLE_H

#include "virtdisk.h"

/* The longest path that Windows knows, in UTF-16 units with the NUL. */
#define PATH_UNITS 32768

void lock(void);
void unlock(void);

/* handle_windows.c, handle_elsewhere.c. `rights` is the access mask that the handle stands for. All
   but handles_live are called under the lock. */
handle_t handle_open(uint32_t rights);
/* Whether `handle` is open; its rights. */
int handle_find(handle_t handle, uint32_t *rights);
uint32_t handles_live(void);
void handles_forget(void);

/* text.c */
void guid_format(const guid_t *guid, char text[37]);
int guid_parse(const char *text, guid_t *guid);
uint32_t units_length(const unit_t *text, uint32_t limit);

/* open.c, information.c: back to the state of a library just loaded. */
void open_reset(void);
void information_reset(void);
#ifndef _WIN32
void kernel32_reset(void);
#endif

#endif
