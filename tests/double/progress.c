/* GetVirtualDiskOperationProgress, and what a test may know of operations. */
#include "operation.h"

static void values_of(operation_t *operation, VIRTUAL_DISK_PROGRESS_ *progress) {
  const plan_t *plan = &operation->plan;
  if (plan->pairs > 0) {
    const uint32_t last = plan->pairs - 1;
    const uint32_t index = operation->queries < last ? operation->queries : last;
    progress->CurrentValue = plan->progress[index][0];
    progress->CompletionValue = plan->progress[index][1];
  } else {
    progress->CurrentValue = operation->step;
    progress->CompletionValue = plan->steps;
  }
  operation->queries++;
}

EXPORT uint32_t GetVirtualDiskOperationProgress(handle_t handle, OVERLAPPED_ *overlapped,
                                                VIRTUAL_DISK_PROGRESS_ *progress) {
  record_t *call = call_begin(FN_GetVirtualDiskOperationProgress);
  put_number(call, "handle", (uintptr_t)handle);
  put_number(call, "overlapped", (uintptr_t)overlapped);
  put_bool(call, "progressGiven", progress != NULL);
  uint32_t result = CODE_SUCCESS;
  operation_t *operation = NULL;
  if (!overlapped || !progress) {
    result = CODE_INVALID_PARAMETER; /* [guard] */
  } else if (!handle_find(handle)) {
    result = CODE_INVALID_HANDLE; /* [O]; [I: foreign-handle] */
  } else {
    operation = operation_find(handle, overlapped);
    if (!operation) result = CODE_INVALID_PARAMETER; /* [I: progress-of-nothing] */
  }
  if (!result) result = call_told(FN_GetVirtualDiskOperationProgress);
  if (!result) {
    values_of(operation, progress);
    /* 997 while it goes on [D]; after that its end, again and again [M][O]. */
    progress->OperationStatus = operation->done ? operation->code : CODE_IO_PENDING;
  }
  return call_end(FN_GetVirtualDiskOperationProgress, result);
}

/* The operations, the oldest first, as a list in JSON: see DoubleLastCall. One that goes on has 997 [D]. */
EXPORT uint32_t DoubleOperations(char *text, uint32_t size) {
  record_t list = {0};
  lock();
  uint32_t count = 0;
  for (operation_t *each = operations_first(); each; each = each->next) count++;
  put_raw(&list, "[");
  for (uint32_t i = count; i > 0; i--) {
    const operation_t *operation = operations_first();
    for (uint32_t skip = 1; skip < i; skip++) operation = operation->next;
    if (operation->abandoned) continue;
    put_open(&list, NULL);
    put_ascii(&list, "function", FUNCTION_NAMES[operation->function]);
    put_number(&list, "handle", (uintptr_t)operation->handle);
    put_number(&list, "overlapped", (uintptr_t)operation->overlapped);
    put_number(&list, "code", operation->done ? operation->code : (uint32_t)CODE_IO_PENDING);
    put_bool(&list, "cancelled", operation->cancelled);
    put_number(&list, "queries", operation->queries);
    if (operation->done) {
      put_bool(&list, "memoryIntact", operation->memory_intact);
      put_bool(&list, "overlappedIntact", operation->overlapped_intact);
    }
    put_close(&list);
  }
  put_raw(&list, "]");
  unlock();
  const uint32_t length = record_give(&list, text, size);
  record_free(&list);
  return length;
}
