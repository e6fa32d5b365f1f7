/* Long operations: how they run, end and are cancelled. */
#include <stdlib.h>
#include <string.h>

#include "operation.h"

/* Ended operations that are kept, for their last progress is still asked for. */
#define KEPT 256
#define DEFAULT_STEPS 3
#define DEFAULT_STEP_MS 1

static plan_t plans[FUNCTION_COUNT];
static operation_t *operations; /* the newest first */
static uint32_t threads, way_to_end;

operation_t *operations_first(void) { return operations; }

operation_t *operation_find(handle_t handle, const OVERLAPPED_ *overlapped) {
  operation_t *operation = operations;
  while (operation && (operation->abandoned || operation->handle != handle ||
                       operation->overlapped != overlapped)) {
    operation = operation->next;
  }
  return operation;
}

static void drop(operation_t **link) {
  operation_t *operation = *link;
  *link = operation->next;
  watch_free(&operation->watched);
  free(operation);
}

static void forget_old(void) {
  uint32_t kept = 0;
  for (operation_t **link = &operations; *link;) {
    if ((*link)->done && (++kept > KEPT || (*link)->abandoned)) {
      drop(link);
    } else {
      link = &(*link)->next;
    }
  }
}

void operations_reset(void) {
  for (operation_t *operation = operations; operation; operation = operation->next) {
    operation->abandoned = 1;
  }
  forget_old();
  way_to_end = ENDS_WITH_BOTH;
  for (int i = 0; i < FUNCTION_COUNT; i++) {
    plans[i] = (plan_t){.steps = DEFAULT_STEPS, .step_ms = DEFAULT_STEP_MS};
  }
}

/* Of [MS-ERREF] 2.3 [A]. */
static const struct {
  uint32_t code, status;
} STATUSES[] = {
    {CODE_SUCCESS, 0},
    {CODE_FILE_NOT_FOUND, 0xC000000Eu},
    {CODE_ACCESS_DENIED, 0xC0000022u},
    {CODE_INVALID_HANDLE, 0xC0000008u},
    {CODE_BAD_COMMAND, 0xC0000184u},
    {CODE_HANDLE_EOF, 0xC0000011u},
    {CODE_NOT_SUPPORTED, 0xC00000BBu},
    {CODE_INVALID_PARAMETER, 0xC000000Du},
    {CODE_DISK_FULL, 0xC000007Fu},
    {CODE_OPERATION_ABORTED, STATUS_OF_CANCELLED},
};

uint32_t status_of(uint32_t code) {
  for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
    if (STATUSES[i].code == code) return STATUSES[i].status;
  }
  /* The family of virtual disks is its own NTSTATUS; of the others, each has one of this form. */
  return code >= 0xC0000000u ? code : 0xC0010000u | code;
}

/* [A] */
uint32_t code_of_status(uint32_t status) {
  for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
    if (STATUSES[i].status == status) return STATUSES[i].code;
  }
  if (status >> 16 == 0xC03A) return status;
  return status >> 16 == 0xC001 ? status & 0xffff : CODE_MR_MID_NOT_FOUND;
}

static int has_two_ends(function_t function) {
  return function == FN_MirrorVirtualDisk || function == FN_ForkVirtualDisk;
}

static int is_in_step(const operation_t *operation) {
  return operation->step >= operation->plan.steps && operation->queries >= operation->plan.pairs;
}

static int may_end(const operation_t *operation) {
  if (operation->abandoned || operation->end_now) return 1;
  return is_in_step(operation) && (!has_two_ends(operation->function) || operation->released);
}

/* What a successful end changes. The disk's handle was closed: [I: closed-pending]. */
static uint32_t take_effect(const operation_t *operation) {
  const disk_t *disk = handle_find_serial(operation->serial);
  if (operation->function != FN_AttachVirtualDisk) return CODE_SUCCESS;
  return disk ? attachment_add(disk, operation->attach_flags) : CODE_OPERATION_ABORTED;
}

/* Under the lock. An OVERLAPPED that has become something else is left alone. */
static void end(operation_t *operation, int cancelled) {
  operation->cancelled = cancelled;
  operation->code = cancelled ? CODE_OPERATION_ABORTED : operation->plan.code; /* [O] */
  if (operation->abandoned) {
    operation->done = 1;
    return;
  }
  if (operation->code == CODE_SUCCESS) operation->code = take_effect(operation);
  operation->memory_intact = watch_is_intact(&operation->watched);
  OVERLAPPED_ *overlapped = operation->overlapped;
  operation->overlapped_intact = overlapped->hEvent == operation->event;
  if (operation->overlapped_intact) {
    overlapped->InternalHigh = 0;
    *(volatile uintptr_t *)&overlapped->Internal =
        (uintptr_t)(intptr_t)(int32_t)status_of(operation->code);
  }
  operation->done = 1;
}

void operation_work(operation_t *operation) {
  int cancelled = 0;
  for (;;) {
    cancelled = pending_wait(operation);
    if (cancelled) break;
    lock();
    if (operation->step < operation->plan.steps && operation->plan.steps != FOREVER) operation->step++;
    const int ends = may_end(operation);
    const int is_early = ends && way_to_end == ENDS_AFTER_EVENT && !operation->abandoned;
    if (is_early && operation->event) event_set(operation->event);
    unlock();
    if (is_early) sleep_ms(MS_AFTER_EVENT);
    if (ends) {
      cancelled = !pending_claim(operation);
      break;
    }
  }
  lock();
  pending_end(operation);
  end(operation, cancelled);
  /* The event comes last: who waits for it finds everything done. */
  if (!operation->abandoned && operation->event && way_to_end != ENDS_WITHOUT_EVENT) {
    event_set(operation->event);
  }
  threads--;
  unlock();
}

/* An operation that is over before its call returns. */
static uint32_t run_at_once(operation_t *operation) {
  const uint64_t ms = (uint64_t)operation->plan.steps * operation->plan.step_ms;
  if (operation->plan.steps != FOREVER) {
    unlock();
    sleep_ms((uint32_t)ms);
    lock();
  }
  OVERLAPPED_ *overlapped = operation->overlapped;
  static OVERLAPPED_ none;
  if (!overlapped) operation->overlapped = &none;
  end(operation, 0);
  operation->overlapped = overlapped;
  if (overlapped && operation->event) event_set(operation->event);
  return operation->code;
}

/* 997 is what a call returns that goes on [D]. */
uint32_t operation_run(function_t function, handle_t handle, OVERLAPPED_ *overlapped,
                       uint32_t attach_flags) {
  operation_t *operation = calloc(1, sizeof *operation);
  const disk_t *disk = handle_find(handle);
  if (!operation || !disk) {
    free(operation);
    return call_end(function, operation ? CODE_INVALID_HANDLE : CODE_NOT_ENOUGH_MEMORY);
  }
  *operation = (operation_t){
      .next = operations,
      .function = function,
      .plan = plans[function],
      .handle = handle,
      .event = overlapped ? overlapped->hEvent : 0,
      .serial = disk->serial,
      .overlapped = overlapped,
      .watched = watch_take(),
      .attach_flags = attach_flags,
  };
  operations = operation;
  forget_old();
  if (overlapped && operation->event) event_reset(operation->event);
  if (!overlapped || (operation->plan.steps == 0 && !has_two_ends(function))) {
    return call_end(function, run_at_once(operation));
  }
  overlapped->Internal = STATUS_OF_PENDING;
  overlapped->InternalHigh = 0;
  uint32_t result = pending_begin(operation);
  if (!result) result = pending_thread(operation);
  if (result) {
    operation->done = operation->abandoned = 1;
    return call_end(function, result);
  }
  threads++;
  return call_end(function, CODE_IO_PENDING);
}

int operation_release(function_t function, uint64_t serial) {
  for (operation_t *operation = operations; operation; operation = operation->next) {
    if (operation->function != function || operation->serial != serial) continue;
    if (operation->done || operation->released || !is_in_step(operation)) continue;
    operation->released = 1;
    return 1;
  }
  return 0;
}

/* Every operation of a function, or of all where `name` is empty, takes `steps` of `step_ms` and ends
   with the Win32 code. No steps: it is over when the call returns. FOREVER: see DoubleEndOperations.
   Gives 0 where the double does not know the name. */
EXPORT uint32_t DoubleTellOperation(const char *name, uint32_t steps, uint32_t step_ms, uint32_t code) {
  const function_t function = function_named(name);
  if (function == FUNCTION_COUNT && name[0]) return 0;
  lock();
  for (function_t each = 0; each < FUNCTION_COUNT; each++) {
    if (name[0] && each != function) continue;
    plans[each].steps = steps;
    plans[each].step_ms = step_ms;
    plans[each].code = code;
  }
  unlock();
  return 1;
}

/* The values of progress, pair by pair: each query gets the next, and the operation does not end before
   each was asked for. Gives 0 where there are too many, or the double does not know the name. */
EXPORT uint32_t DoubleTellProgress(const char *name, const uint64_t *values, uint32_t pairs) {
  const function_t function = function_named(name);
  if (function == FUNCTION_COUNT || pairs > PROGRESS_PAIRS) return 0;
  lock();
  plans[function].pairs = pairs;
  memcpy(plans[function].progress, values, pairs * sizeof *plans[function].progress);
  unlock();
  return 1;
}

/* How operations say from now on that they are over: ENDS_*. */
EXPORT void DoubleTellEnd(uint32_t way) {
  lock();
  way_to_end = way;
  unlock();
}

/* Ends whatever is pending, as it was told to end. */
EXPORT void DoubleEndOperations(void) {
  lock();
  for (operation_t *operation = operations; operation; operation = operation->next) {
    operation->end_now = 1;
  }
  unlock();
}

/* Threads of operations that have not ended. */
EXPORT uint32_t DoublePendingOperations(void) {
  lock();
  const uint32_t pending = threads;
  unlock();
  return pending;
}
