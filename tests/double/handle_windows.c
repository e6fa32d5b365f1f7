/* On Windows a disk is a kernel handle, closed by the system's own CloseHandle: the server end of a
   pipe, opened for overlapped reading, so that operations on it can be pending and be cancelled. The
   double keeps the other end, and knows a disk to be closed by the pipe being broken: an exact count
   that asks nothing of the caller. */
#ifdef _WIN32
#include <stdio.h>
#include <stdlib.h>
#include <winternl.h>

#include "double.h"

typedef struct Entry {
  struct Entry *next;
  HANDLE handle;
  HANDLE witness; /* NULL where the handle is a file's, which `file` then tells from others */
  BY_HANDLE_FILE_INFORMATION file;
  disk_t disk;
} Entry;

static Entry *entries;
static uint32_t pipes;

static void drop(Entry **link) {
  Entry *entry = *link;
  *link = entry->next;
  if (entry->witness) CloseHandle(entry->witness);
  disk_closed(&entry->disk);
  free(entry);
}

static int is_closed(const Entry *entry) {
  DWORD waiting;
  if (entry->witness) return !PeekNamedPipe(entry->witness, NULL, 0, NULL, &waiting, NULL);
  BY_HANDLE_FILE_INFORMATION now;
  return !GetFileInformationByHandle(entry->handle, &now) ||
         now.dwVolumeSerialNumber != entry->file.dwVolumeSerialNumber ||
         now.nFileIndexHigh != entry->file.nFileIndexHigh ||
         now.nFileIndexLow != entry->file.nFileIndexLow;
}

void handles_sweep(void) {
  for (Entry **link = &entries; *link;) {
    if (is_closed(*link)) {
      drop(link);
    } else {
      link = &(*link)->next;
    }
  }
}

static uint32_t open_pipe(Entry *entry) {
  char name[96];
  /* Another build of the double may be in the process, and pipes of this one from before it was loaded
     anew: the address and the time tell them apart. */
  LARGE_INTEGER time;
  QueryPerformanceCounter(&time);
  snprintf(name, sizeof name, "\\\\.\\pipe\\virtdisk-double-%lu-%p-%lld-%u", GetCurrentProcessId(),
           (void *)&entries, time.QuadPart, ++pipes);
  const DWORD mode = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE;
  entry->handle = CreateNamedPipeA(name, mode, PIPE_TYPE_BYTE, 1, 16, 16, 0, NULL);
  if (entry->handle == INVALID_HANDLE_VALUE) return GetLastError();
  entry->witness = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
  if (entry->witness != INVALID_HANDLE_VALUE) return CODE_SUCCESS;
  const uint32_t code = GetLastError();
  CloseHandle(entry->handle);
  return code;
}

static uint32_t open_file(Entry *entry, const unit_t *path, int read_only) {
  const DWORD access = GENERIC_READ | (read_only ? 0 : GENERIC_WRITE);
  const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  entry->handle = CreateFileW((const wchar_t *)path, access, share, NULL, OPEN_EXISTING,
                              FILE_FLAG_OVERLAPPED, NULL);
  if (entry->handle == INVALID_HANDLE_VALUE) return GetLastError();
  if (GetFileInformationByHandle(entry->handle, &entry->file)) return CODE_SUCCESS;
  const uint32_t code = GetLastError();
  CloseHandle(entry->handle);
  return code;
}

uint32_t handle_open(const disk_t *disk, const unit_t *backing, handle_t *handle) {
  handles_sweep(); /* the system gives the value of a closed handle out again at once */
  Entry *entry = calloc(1, sizeof *entry);
  if (!entry) return CODE_NOT_ENOUGH_MEMORY;
  const uint32_t code = backing ? open_file(entry, backing, disk->read_only) : open_pipe(entry);
  if (code) {
    free(entry);
    return code;
  }
  entry->disk = *disk;
  entry->next = entries;
  entries = entry;
  *handle = entry->handle;
  return CODE_SUCCESS;
}

disk_t *handle_find(handle_t handle) {
  for (Entry **link = &entries; *link; link = &(*link)->next) {
    if ((*link)->handle != handle) continue;
    if (!is_closed(*link)) return &(*link)->disk;
    drop(link);
    return NULL;
  }
  return NULL;
}

disk_t *handle_find_serial(uint64_t serial) {
  for (Entry *entry = entries; entry; entry = entry->next) {
    if (entry->disk.serial == serial) return handle_find(entry->handle);
  }
  return NULL;
}

void handle_discard(handle_t handle) {
  CloseHandle(handle);
  handle_find(handle);
}

int handle_is_any(handle_t handle) {
  DWORD flags;
  return GetHandleInformation(handle, &flags) != 0;
}

int handle_may_read(handle_t handle) {
  struct {
    ULONG attributes;
    ACCESS_MASK granted;
    ULONG others[12];
  } information; /* PUBLIC_OBJECT_BASIC_INFORMATION */
  const NTSTATUS status =
      NtQueryObject(handle, ObjectBasicInformation, &information, sizeof information, NULL);
  return status == 0 && (information.granted & FILE_READ_DATA) != 0;
}

/* Disks that are open. */
EXPORT uint32_t DoubleLiveHandles(void) {
  lock();
  handles_sweep();
  uint32_t live = 0;
  for (const Entry *entry = entries; entry; entry = entry->next) live++;
  unlock();
  return live;
}

void handles_forget(void) {
  while (entries) drop(&entries);
}
#endif
