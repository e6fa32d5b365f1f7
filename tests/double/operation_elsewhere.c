/* Where there is no Windows kernel, CancelIoEx is the double's own and leaves word with the operation. */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <time.h>

#include "handle_elsewhere.h"
#include "operation.h"

void sleep_ms(uint32_t ms) {
  const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  nanosleep(&time, NULL);
}

void event_set(handle_t event) {
  object_t *object = object_find(event);
  if (object) object->signalled = 1;
}

void event_reset(handle_t event) {
  object_t *object = object_find(event);
  if (object) object->signalled = 0;
}

uint32_t pending_begin(operation_t *operation) {
  (void)operation;
  return CODE_SUCCESS;
}

static void *work(void *operation) {
  operation_work(operation);
  return NULL;
}

uint32_t pending_thread(operation_t *operation) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, work, operation) != 0) return CODE_NOT_ENOUGH_MEMORY;
  pthread_detach(thread);
  return CODE_SUCCESS;
}

static int is_cancelled(operation_t *operation) {
  lock();
  /* Closing the handle ends what is pending on it. */
  const int cancelled =
      operation->waiter != NULL || (!operation->abandoned && !handle_find_serial(operation->serial));
  unlock();
  return cancelled;
}

int pending_wait(operation_t *operation) {
  const uint32_t ms = operation->plan.step_ms ? operation->plan.step_ms : 1;
  for (uint32_t slept = 0; slept < ms; slept++) {
    if (is_cancelled(operation)) return 1;
    sleep_ms(1);
  }
  return is_cancelled(operation);
}

/* Whoever comes later than this finds the operation claimed. */
int pending_claim(operation_t *operation) {
  lock();
  const int first = operation->waiter == NULL;
  operation->waiter = operation;
  unlock();
  return first;
}

void pending_end(operation_t *operation) { operation->waiter = operation; }

/* Under the lock: leaves word; 0 where the operation has ended or is about to. */
int operation_cancel(operation_t *operation) {
  if (operation->done || operation->waiter) return 0;
  operation->waiter = operation;
  return 1;
}
#endif
