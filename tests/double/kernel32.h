/* kernel32.dll where there is no Windows. */
#ifndef VIRTDISK_DOUBLE_KERNEL32_H
#define VIRTDISK_DOUBLE_KERNEL32_H

#include "virtdisk.h"

/* Each thread's own, as on Windows. */
extern _Thread_local uint32_t last_error;

#endif
