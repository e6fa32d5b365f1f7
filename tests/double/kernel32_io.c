/* Events, cancellation, and reading and writing through a disk's handle, where there is no Windows. */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <unistd.h>

#include "handle_elsewhere.h"
#include "kernel32.h"
#include "operation.h"

#define WAIT_TIMED_OUT 258
#define WAIT_FAILED_ 0xffffffffu
#define INFINITE_ 0xffffffffu
#define CODE_INVALID_FUNCTION 1

EXPORT handle_t CreateEventW(const void *attributes, bool32_t manual, bool32_t signalled,
                             const unit_t *name) {
  (void)attributes, (void)name;
  handle_t handle = 0;
  lock();
  object_t *object = object_new(HANDLE_EVENT, &handle);
  if (object) {
    object->manual = manual != 0;
    object->signalled = signalled != 0;
  } else {
    last_error = CODE_NOT_ENOUGH_MEMORY;
  }
  unlock();
  return handle;
}

static bool32_t set_event(handle_t handle, int signalled) {
  lock();
  object_t *object = object_find(handle);
  const int known = object && object->kind == HANDLE_EVENT;
  if (known) object->signalled = signalled;
  unlock();
  if (!known) last_error = CODE_INVALID_HANDLE;
  return known;
}

EXPORT bool32_t SetEvent(handle_t handle) { return set_event(handle, 1); }

EXPORT bool32_t ResetEvent(handle_t handle) { return set_event(handle, 0); }

EXPORT uint32_t WaitForSingleObject(handle_t handle, uint32_t ms) {
  for (uint32_t waited = 0;; waited++) {
    lock();
    object_t *object = object_find(handle);
    const int known = object && object->kind == HANDLE_EVENT;
    const int signalled = known && object->signalled;
    if (signalled && !object->manual) object->signalled = 0;
    unlock();
    if (!known) {
      last_error = CODE_INVALID_HANDLE;
      return WAIT_FAILED_;
    }
    if (signalled) return 0;
    if (ms != INFINITE_ && waited >= ms) return WAIT_TIMED_OUT;
    sleep_ms(1);
  }
}

/* Ends the operation of this OVERLAPPED, or every one of the handle. */
EXPORT bool32_t CancelIoEx(handle_t handle, const OVERLAPPED_ *overlapped) {
  int found = 0;
  lock();
  const int known = object_find(handle) != NULL;
  for (operation_t *each = operations_first(); each && known; each = each->next) {
    if (each->handle != handle || (overlapped && each->overlapped != overlapped)) continue;
    found |= operation_cancel(each);
  }
  unlock();
  if (!found) last_error = known ? CODE_NOT_FOUND : CODE_INVALID_HANDLE;
  return found;
}

EXPORT bool32_t GetOverlappedResult(handle_t handle, const OVERLAPPED_ *overlapped,
                                    uint32_t *transferred, bool32_t wait) {
  (void)handle;
  for (;;) {
    lock();
    const uint32_t status = (uint32_t)overlapped->Internal;
    const uint32_t bytes = (uint32_t)overlapped->InternalHigh;
    unlock();
    if (status != STATUS_OF_PENDING) {
      *transferred = bytes;
      last_error = code_of_status(status);
      return status == 0;
    }
    if (!wait) {
      last_error = CODE_IO_INCOMPLETE;
      return 0;
    }
    sleep_ms(1);
  }
}

/* How the next transfers end, whatever is asked for. STATUS_OF_PENDING: they do not start. */
static struct {
  uint32_t status, last_error, times;
} told;

void transfers_reset(void) { told.times = 0; }

/* The next `times` calls of ReadFile and WriteFile end with `status`; GetLastError says `code`, which a
   garbage collection may have left there. With STATUS_PENDING they fail before they start. */
EXPORT void DoubleNextTransfer(uint32_t status, uint32_t code, uint32_t times) {
  lock();
  told.status = status;
  told.last_error = code;
  told.times = times;
  unlock();
}

/* Under the lock. */
static int is_told(OVERLAPPED_ *overlapped) {
  if (told.times == 0 || !overlapped) return 0;
  told.times--;
  if (told.status != STATUS_OF_PENDING) {
    overlapped->Internal = (uintptr_t)(intptr_t)(int32_t)told.status;
    overlapped->InternalHigh = 0;
    event_set(overlapped->hEvent);
  }
  return 1;
}

/* The file of a disk that has one; its data ends with the file. */
static bool32_t transfer(handle_t handle, void *into, const void *from, uint32_t length,
                         uint32_t *transferred, OVERLAPPED_ *overlapped) {
  lock();
  if (is_told(overlapped)) {
    unlock();
    last_error = told.last_error;
    return 0;
  }
  const object_t *object = object_find(handle);
  uint32_t code = object ? CODE_SUCCESS : CODE_INVALID_HANDLE;
  if (object && object->file < 0) code = CODE_INVALID_FUNCTION;
  if (!code && !overlapped) code = CODE_INVALID_PARAMETER;
  ssize_t done = 0;
  if (!code) {
    const off_t offset = (off_t)((uint64_t)overlapped->OffsetHigh << 32 | overlapped->Offset);
    done = into ? pread(object->file, into, length, offset)
                : pwrite(object->file, from, length, offset);
    if (done < 0) code = errno == EBADF ? CODE_ACCESS_DENIED : CODE_INVALID_PARAMETER;
    if (into && done == 0 && length > 0) code = CODE_HANDLE_EOF;
  }
  if (overlapped) {
    overlapped->Internal = (uintptr_t)(intptr_t)(int32_t)status_of(code);
    overlapped->InternalHigh = code ? 0 : (uintptr_t)done;
    if (overlapped->hEvent) event_set(overlapped->hEvent);
  }
  if (transferred) *transferred = code ? 0 : (uint32_t)done;
  unlock();
  last_error = code;
  return code == CODE_SUCCESS;
}

EXPORT bool32_t ReadFile(handle_t handle, void *buffer, uint32_t length, uint32_t *read,
                         OVERLAPPED_ *overlapped) {
  return transfer(handle, buffer, NULL, length, read, overlapped);
}

/* A file that was opened for reading is not flushed [D]. */
EXPORT bool32_t FlushFileBuffers(handle_t handle) {
  lock();
  const object_t *object = object_find(handle);
  const int is_disk = object && object->kind == HANDLE_DISK && object->file >= 0;
  uint32_t code = is_disk ? CODE_SUCCESS : CODE_INVALID_HANDLE;
  if (is_disk && object->disk.read_only) code = CODE_ACCESS_DENIED;
  if (!code && fsync(object->file) != 0) code = CODE_GEN_FAILURE;
  if (told.times > 0) {
    told.times--;
    code = told.last_error;
    last_error = code;
    unlock();
    return 0;
  }
  unlock();
  last_error = code;
  return code == CODE_SUCCESS;
}

EXPORT bool32_t WriteFile(handle_t handle, const void *buffer, uint32_t length, uint32_t *written,
                          OVERLAPPED_ *overlapped) {
  return transfer(handle, NULL, buffer, length, written, overlapped);
}
#endif
