/* Handles where there is no Windows kernel. As there, the lowest free value is given out again at
   once, so a second close of an old handle would close somebody else's. */
#ifndef _WIN32
#include "double.h"

#define HANDLES 4096
/* Windows counts handles by fours. */
#define STEP 4

static struct {
  int open;
  uint32_t rights;
} table[HANDLES];
static uint32_t live, double_closes;

handle_t handle_open(uint32_t rights) {
  for (uintptr_t i = 0; i < HANDLES; i++) {
    if (table[i].open) continue;
    table[i].open = 1;
    table[i].rights = rights;
    live++;
    return (handle_t)((i + 1) * STEP);
  }
  return 0;
}

static uintptr_t index_of(handle_t handle) {
  uintptr_t value = (uintptr_t)handle;
  if (value == 0 || value % STEP != 0 || value / STEP > HANDLES) return HANDLES;
  uintptr_t i = value / STEP - 1;
  return table[i].open ? i : HANDLES;
}

int handle_find(handle_t handle, uint32_t *rights) {
  uintptr_t i = index_of(handle);
  if (i == HANDLES) return 0;
  *rights = table[i].rights;
  return 1;
}

uint32_t handles_live(void) {
  lock();
  uint32_t count = live;
  unlock();
  return count;
}

void handles_forget(void) {
  for (uint32_t i = 0; i < HANDLES; i++) table[i].open = 0;
  live = double_closes = 0;
}

int handle_close(handle_t handle) {
  uintptr_t i = index_of(handle);
  if (i == HANDLES) {
    double_closes++;
    return 0;
  }
  table[i].open = 0;
  live--;
  return 1;
}

/* CloseHandle calls whose handle was not open. */
EXPORT uint32_t DoubleDoubleCloses(void) {
  lock();
  uint32_t count = double_closes;
  unlock();
  return count;
}
#endif
