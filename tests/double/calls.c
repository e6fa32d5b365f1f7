/* What came of each function's last call, and what its next ones were told to answer. */
#include <string.h>

#include "double.h"
#include "operation.h"

#define FUNCTION_NAME(name) #name,
const char *const FUNCTION_NAMES[FUNCTION_COUNT] = {FUNCTIONS(FUNCTION_NAME)};

static struct {
  record_t record;
  uint32_t calls, order, result;
  uint32_t told_result, told_times;
} functions[FUNCTION_COUNT];
static uint32_t order;

/* Calls that wait until the test lets them go on, of one function. */
static function_t held = FUNCTION_COUNT;
static uint32_t waiting, spoilt;

/* The memory of records stays for the next ones. */
void calls_reset(void) {
  order = 0;
  held = FUNCTION_COUNT;
  spoilt = 0;
  for (int i = 0; i < FUNCTION_COUNT; i++) {
    functions[i].record.length = 0;
    functions[i].calls = functions[i].order = functions[i].result = 0;
    functions[i].told_result = functions[i].told_times = 0;
  }
}

function_t function_named(const char *name) {
  function_t function = 0;
  while (function < FUNCTION_COUNT && strcmp(name, FUNCTION_NAMES[function]) != 0) function++;
  return function;
}

record_t *call_begin(function_t function) {
  lock();
  watch(NULL, 0);
  functions[function].calls++;
  functions[function].order = ++order;
  functions[function].record.length = 0;
  return &functions[function].record;
}

uint32_t call_end(function_t function, uint32_t result) {
  functions[function].result = result;
  unlock();
  return result;
}

uint32_t call_told(function_t function) {
  if (functions[function].told_times == 0) return CODE_SUCCESS;
  functions[function].told_times--;
  return functions[function].told_result;
}

void call_wait(function_t function) {
  if (held != function) return;
  watch_t watched = watch_take();
  waiting++;
  while (held == function) {
    unlock();
    sleep_ms(1);
    lock();
  }
  waiting--;
  if (!watch_is_intact(&watched)) spoilt++;
  watch_free(&watched);
}

/* Calls of this function wait from now on, as for a server far away; an empty name lets them go on. Gives 0 where the
   double does not know the name, or the function does not wait. */
EXPORT uint32_t DoubleHoldCalls(const char *name) {
  const function_t function = function_named(name);
  if (function != FN_OpenVirtualDisk && name[0]) return 0;
  lock();
  held = function;
  unlock();
  return 1;
}

/* How many calls wait. */
EXPORT uint32_t DoubleHeldCalls(void) {
  lock();
  const uint32_t count = waiting;
  unlock();
  return count;
}

/* How many calls found their memory changed when they went on. */
EXPORT uint32_t DoubleSpoiltCalls(void) {
  lock();
  const uint32_t count = spoilt;
  unlock();
  return count;
}

/* The next `times` calls of a function that keep the rules end with `code`; gives 0 where the double
   does not know the name. */
EXPORT uint32_t DoubleNextResult(const char *name, uint32_t code, uint32_t times) {
  const function_t function = function_named(name);
  if (function == FUNCTION_COUNT) return 0;
  lock();
  functions[function].told_result = code;
  functions[function].told_times = times;
  unlock();
  return 1;
}

/* How many calls of a function there were. */
EXPORT uint32_t DoubleCalls(const char *name) {
  const function_t function = function_named(name);
  if (function == FUNCTION_COUNT) return 0;
  lock();
  const uint32_t calls = functions[function].calls;
  unlock();
  return calls;
}

/* The last call of a function as JSON: gives its length, and `text` where it has room for it and a NUL.
   0 where there was none. */
EXPORT uint32_t DoubleLastCall(const char *name, char *text, uint32_t size) {
  const function_t function = function_named(name);
  if (function == FUNCTION_COUNT) return 0;
  lock();
  uint32_t length = 0;
  if (functions[function].calls > 0) {
    record_t whole = {0};
    put_open(&whole, NULL);
    put_number(&whole, "calls", functions[function].calls);
    put_number(&whole, "order", functions[function].order);
    put_number(&whole, "result", functions[function].result);
    if (functions[function].record.length > 0) {
      put_raw(&whole, ",");
      put_raw(&whole, functions[function].record.text);
    }
    put_close(&whole);
    length = record_give(&whole, text, size);
    record_free(&whole);
  }
  unlock();
  return length;
}
