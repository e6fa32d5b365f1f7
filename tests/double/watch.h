/* A list of the caller's memory and what was in it; watch.c. Under the lock, all of it. */
#ifndef VIRTDISK_DOUBLE_WATCH_H
#define VIRTDISK_DOUBLE_WATCH_H

#include <stdint.h>

/* The structure and the strings of CreateVirtualDisk, which has the most. */
#define WATCHED 8

typedef struct {
  const void *memory;
  void *copy;
  uint32_t length;
} watch_item_t;

typedef struct {
  watch_item_t items[WATCHED];
  uint32_t count;
} watch_t;

/* The list of the call that goes on, which its operation then has. */
watch_t watch_take(void);
int watch_is_intact(const watch_t *list);
void watch_free(watch_t *list);

#endif
