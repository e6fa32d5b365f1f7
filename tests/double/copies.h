/* Mirrors and forks are alike but for their names. */
#ifndef VIRTDISK_DOUBLE_COPIES_H
#define VIRTDISK_DOUBLE_COPIES_H

#include "double.h"

/* Starts one; finishes one that is in step. */
uint32_t copy_start(function_t function, uint32_t known_flags, handle_t handle, uint32_t flags,
                    const COPY_PARAMETERS_ *parameters, OVERLAPPED_ *overlapped);
uint32_t copy_finish(function_t function, function_t started_by, handle_t handle);

#endif
