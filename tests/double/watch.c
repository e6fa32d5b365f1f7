/* Memory of the caller's that a long operation looks at again when it ends: a binding that lets go of
   it too early is found out by its having changed. */
#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "double.h"

static watch_t current;

void watch_free(watch_t *list) {
  for (uint32_t i = 0; i < list->count; i++) free(list->items[i].copy);
  *list = (watch_t){0};
}

void watch(const void *memory, uint32_t length) {
  if (!memory) {
    watch_free(&current);
    return;
  }
  if (current.count == WATCHED) return;
  void *copy = malloc(length);
  if (!copy) abort(); /* a test must not go on with less than it asked for */
  memcpy(copy, memory, length);
  current.items[current.count++] = (watch_item_t){memory, copy, length};
}

void watch_string(const unit_t *text) {
  if (text) watch(text, (units_length(text, PATH_UNITS - 1) + 1) * sizeof *text);
}

watch_t watch_take(void) {
  const watch_t list = current;
  current = (watch_t){0};
  return list;
}

int watch_is_intact(const watch_t *list) {
  for (uint32_t i = 0; i < list->count; i++) {
    const watch_item_t *item = &list->items[i];
    if (memcmp(item->memory, item->copy, item->length) != 0) return 0;
  }
  return 1;
}
