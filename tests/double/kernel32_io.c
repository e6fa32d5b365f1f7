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
/* What GetOverlappedResult makes of an NTSTATUS that it does not know. */
#define CODE_MR_MID_NOT_FOUND 317

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

static uint32_t code_of(uint32_t status) {
  if (status == 0) return CODE_SUCCESS;
  if (status == STATUS_OF_CANCELLED) return CODE_OPERATION_ABORTED;
  if (status >> 16 == 0xC03A) return status;
  return status >> 16 == 0xC001 ? status & 0xffff : CODE_MR_MID_NOT_FOUND;
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
      last_error = code_of(status);
      return status == 0;
    }
    if (!wait) {
      last_error = CODE_IO_INCOMPLETE;
      return 0;
    }
    sleep_ms(1);
  }
}

/* The file of a disk that has one; its data ends with the file. */
static bool32_t transfer(handle_t handle, void *into, const void *from, uint32_t length,
                         uint32_t *transferred, OVERLAPPED_ *overlapped) {
  lock();
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

EXPORT bool32_t WriteFile(handle_t handle, const void *buffer, uint32_t length, uint32_t *written,
                          OVERLAPPED_ *overlapped) {
  return transfer(handle, NULL, buffer, length, written, overlapped);
}
#endif
