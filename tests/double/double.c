/* A double of VirtDisk.dll: it checks each argument as Windows 10 documents, records it, and answers
   what a test told it through the functions that begin with Double. */
#include <stdatomic.h>

#ifndef _WIN32
#include <sched.h>
#endif

#include "double.h"

static atomic_flag busy = ATOMIC_FLAG_INIT;

void lock(void) {
  while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
#ifdef _WIN32
    Sleep(0);
#else
    sched_yield();
#endif
  }
}

void unlock(void) { atomic_flag_clear_explicit(&busy, memory_order_release); }

/* Forgets everything it was told, every call and every handle. What is pending is abandoned: it ends
   soon, and without a word to anybody. */
EXPORT void DoubleReset(void) {
  lock();
  calls_reset();
  information_reset();
  dependencies_reset();
  metadata_reset();
#ifndef DOUBLE_WINDOWS_8
  changes_reset();
  raw_scsi_reset();
#endif
  operations_reset();
#ifndef _WIN32
  files_reset();
  transfers_reset();
#endif
  handles_forget();
  attachments_reset();
  disks_reset();
  dirty_reset();
  unlock();
}

#ifdef _WIN32
BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved) {
  (void)module;
  if (reason == DLL_PROCESS_ATTACH) DoubleReset();
  /* Let go of the handles where the library alone goes; at the end of the process they go anyway. */
  if (reason == DLL_PROCESS_DETACH && !reserved) DoubleReset();
  return TRUE;
}
#else
__attribute__((constructor)) static void start(void) { DoubleReset(); }
#endif
