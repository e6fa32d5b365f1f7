/* A double of VirtDisk.dll: it checks each argument as Windows 10 documents, records it, and answers
   what a test told it through the functions that begin with Double. */
#include <stdatomic.h>

#include "double.h"

static atomic_flag busy = ATOMIC_FLAG_INIT;

void lock(void) {
  while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
  }
}

void unlock(void) { atomic_flag_clear_explicit(&busy, memory_order_release); }

/* Forgets everything it was told, every call and every handle. */
EXPORT void DoubleReset(void) {
  lock();
  open_reset();
  information_reset();
  handles_forget();
#ifndef _WIN32
  kernel32_reset();
#endif
  unlock();
}

/* Disks that are open. */
EXPORT uint32_t DoubleLiveHandles(void) { return handles_live(); }

#ifdef _WIN32
BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, LPVOID reserved) {
  (void)module, (void)reserved;
  if (reason == DLL_PROCESS_ATTACH || reason == DLL_PROCESS_DETACH) DoubleReset();
  return TRUE;
}
#else
__attribute__((constructor)) static void start(void) { DoubleReset(); }
#endif
