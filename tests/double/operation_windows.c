/* On Windows a pending operation is a pending read of the disk's pipe, with the caller's OVERLAPPED as
   its status block: the system's own CancelIoEx finds it there and ends it, and closing the handle ends
   it too. A disk that is backed by a file has no pipe, and its operations cannot be cancelled. */
#ifdef _WIN32
#include "operation.h"

#include <stdlib.h>
#include <winternl.h>

NTSTATUS NTAPI NtReadFile(HANDLE, HANDLE, PIO_APC_ROUTINE, PVOID, PIO_STATUS_BLOCK, PVOID, ULONG,
                          PLARGE_INTEGER, PULONG);

typedef struct {
  HANDLE ended; /* the read, by whomever */
  int readable;
  char byte;
} waiter_t;

void sleep_ms(uint32_t ms) { Sleep(ms); }
void event_set(handle_t event) { SetEvent(event); }
void event_reset(handle_t event) { ResetEvent(event); }

uint32_t pending_begin(operation_t *operation) {
  waiter_t *waiter = calloc(1, sizeof *waiter);
  if (!waiter) return CODE_NOT_ENOUGH_MEMORY;
  operation->waiter = waiter;
  waiter->ended = CreateEventW(NULL, TRUE, FALSE, NULL);
  waiter->readable = GetFileType(operation->handle) == FILE_TYPE_PIPE;
  if (!waiter->readable) return CODE_SUCCESS;
  const NTSTATUS status = NtReadFile(operation->handle, waiter->ended, NULL, NULL,
                                     (IO_STATUS_BLOCK *)operation->overlapped, &waiter->byte, 1,
                                     NULL, NULL);
  if (status == (NTSTATUS)STATUS_OF_PENDING) return CODE_SUCCESS;
  pending_end(operation);
  return RtlNtStatusToDosError(status);
}

static DWORD WINAPI work(void *operation) {
  operation_work(operation);
  return 0;
}

uint32_t pending_thread(operation_t *operation) {
  /* The library must not go while the thread runs in it. */
  HMODULE pinned;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     (const wchar_t *)(const void *)&work, &pinned);
  const HANDLE thread = CreateThread(NULL, 0, work, operation, 0, NULL);
  if (!thread) return GetLastError();
  CloseHandle(thread);
  return CODE_SUCCESS;
}

int pending_wait(operation_t *operation) {
  const waiter_t *waiter = operation->waiter;
  const uint32_t ms = operation->plan.step_ms ? operation->plan.step_ms : 1;
  return WaitForSingleObject(waiter->ended, ms) == WAIT_OBJECT_0;
}

int pending_claim(operation_t *operation) {
  const waiter_t *waiter = operation->waiter;
  if (!waiter->readable) return 1;
  if (WaitForSingleObject(waiter->ended, 0) == WAIT_OBJECT_0) return 0;
  /* Of two who cancel, the system tells one that there is nothing to cancel. */
  const int first = CancelIoEx(operation->handle, (OVERLAPPED *)operation->overlapped);
  WaitForSingleObject(waiter->ended, INFINITE);
  return first;
}

void pending_end(operation_t *operation) {
  waiter_t *waiter = operation->waiter;
  CloseHandle(waiter->ended);
  free(waiter);
  operation->waiter = NULL;
}
#endif
