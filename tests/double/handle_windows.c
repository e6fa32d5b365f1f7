/* On Windows a disk is a kernel handle, closed by the system's own CloseHandle: the end of a pipe
   that is written to. The double keeps the other end, and knows a disk to be closed by the pipe being
   broken: an exact count that asks nothing of the caller. */
#ifdef _WIN32
#include "double.h"

typedef struct Disk {
  struct Disk *next;
  HANDLE disk, witness;
  uint32_t rights;
} Disk;

static Disk *disks;

static void drop(Disk **link) {
  Disk *disk = *link;
  *link = disk->next;
  CloseHandle(disk->witness);
  HeapFree(GetProcessHeap(), 0, disk);
}

static int is_closed(const Disk *disk) {
  DWORD waiting;
  return !PeekNamedPipe(disk->witness, NULL, 0, NULL, &waiting, NULL);
}

static uint32_t sweep(void) {
  uint32_t live = 0;
  for (Disk **link = &disks; *link;) {
    if (is_closed(*link)) {
      drop(link);
    } else {
      live++;
      link = &(*link)->next;
    }
  }
  return live;
}

handle_t handle_open(uint32_t rights) {
  sweep(); /* the system gives the value of a closed handle out again at once */
  Disk *entry = HeapAlloc(GetProcessHeap(), 0, sizeof *entry);
  if (!entry) return NULL;
  *entry = (Disk){.next = disks, .rights = rights};
  if (!CreatePipe(&entry->witness, &entry->disk, NULL, 0)) {
    HeapFree(GetProcessHeap(), 0, entry);
    return NULL;
  }
  disks = entry;
  return entry->disk;
}

int handle_find(handle_t handle, uint32_t *rights) {
  sweep();
  for (const Disk *disk = disks; disk; disk = disk->next) {
    if (disk->disk != handle) continue;
    *rights = disk->rights;
    return 1;
  }
  return 0;
}

uint32_t handles_live(void) {
  lock();
  uint32_t live = sweep();
  unlock();
  return live;
}

void handles_forget(void) {
  while (disks) drop(&disks);
}
#endif
