/* A long operation. It goes on after its call has returned, on a thread of its own. */
#ifndef VIRTDISK_DOUBLE_OPERATION_H
#define VIRTDISK_DOUBLE_OPERATION_H

#include "double.h"
#include "watch.h"

/* Steps that never end by themselves. */
#define FOREVER 0xffffffffu
#define PROGRESS_PAIRS 64

/* How an operation says that it is over. Two of three published callers stop at the event or a final status,
   whichever comes first, and one looks again when the status is still 997 after the event [O]. */
enum { ENDS_WITH_BOTH, ENDS_WITHOUT_EVENT, ENDS_AFTER_EVENT };
#define MS_AFTER_EVENT 60

#define STATUS_OF_PENDING 0x103u
#define STATUS_OF_CANCELLED 0xC0000120u

/* What a test told the operations of a function to do. */
typedef struct {
  uint32_t steps, step_ms;
  uint32_t code; /* the Win32 code that it ends with */
  uint32_t pairs;
  uint64_t progress[PROGRESS_PAIRS][2]; /* current value, completion value */
} plan_t;

typedef struct operation {
  struct operation *next;
  function_t function;
  plan_t plan;
  handle_t handle, event;
  uint64_t serial;
  OVERLAPPED_ *overlapped;
  watch_t watched;
  uint32_t attach_flags;
  uint32_t step, queries;
  int done, cancelled, abandoned, end_now, released;
  uint32_t code; /* once done */
  int memory_intact, overlapped_intact;
  void *waiter; /* of the platform: what says that the operation was cancelled */
} operation_t;

/* operation_windows.c, operation_elsewhere.c; not under the lock unless it says so. */
void sleep_ms(uint32_t ms);
/* Under the lock. Makes the operation one that can be cancelled; gives a Win32 code. */
uint32_t pending_begin(operation_t *operation);
/* Runs operation_work on a thread. */
uint32_t pending_thread(operation_t *operation);
/* Waits for a step; whether the operation was cancelled meanwhile. */
int pending_wait(operation_t *operation);
/* From here on nobody can cancel it; 0 where somebody already has. */
int pending_claim(operation_t *operation);
void pending_end(operation_t *operation);
void event_set(handle_t event);
void event_reset(handle_t event);
/* Under the lock: leaves word that it shall end; 0 where it has or is about to. Not on Windows, whose own
   CancelIoEx does it. */
int operation_cancel(operation_t *operation);

/* operations.c */
void operation_work(operation_t *operation);
/* Under the lock: the newest operation on this memory; NULL where there is none. */
operation_t *operation_find(handle_t handle, const OVERLAPPED_ *overlapped);
operation_t *operations_first(void);
/* The NTSTATUS that stands for a Win32 code. */
uint32_t status_of(uint32_t code);
/* The Win32 code of an NTSTATUS. */
uint32_t code_of_status(uint32_t status);
/* What GetOverlappedResult makes of an NTSTATUS that it does not know. */
#define CODE_MR_MID_NOT_FOUND 317u

#endif
