/* bcryptprimitives.dll for Wine 8, to lie beside deno.exe. Wine has no such library, and deno.exe
   imports ProcessPrng from it. It also hides three functions from deno.exe that V8 looks up by name
   at run time and does without on older Windows: Wine has them, but not as V8 needs them, and V8
   would die with "out of memory" at its start. */
#include <windows.h>

/* RtlGenRandom of advapi32.dll. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

typedef FARPROC(WINAPI *Lookup)(HMODULE, LPCSTR);

static Lookup real_lookup;
static const char *const HIDDEN[] = {"VirtualAlloc2", "MapViewOfFile3", "UnmapViewOfFile2"};

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
  return SystemFunction036(buffer, (ULONG)length);
}

static FARPROC WINAPI lookup(HMODULE module, LPCSTR name) {
  /* A value below 64 Ki is an ordinal. */
  const BOOL named = (ULONG_PTR)name >> 16 != 0;
  for (unsigned i = 0; named && i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
    if (lstrcmpA(name, HIDDEN[i]) != 0) continue;
    SetLastError(ERROR_PROC_NOT_FOUND);
    return NULL;
  }
  return real_lookup(module, name);
}

static void redirect(ULONG_PTR *slot) {
  DWORD protection;
  VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &protection);
  *slot = (ULONG_PTR)lookup;
  VirtualProtect(slot, sizeof *slot, protection, &protection);
}

/* Puts `lookup` into each import slot of the program that holds GetProcAddress. */
static void redirect_imports(BYTE *image) {
  const IMAGE_DOS_HEADER *dos = (const void *)image;
  const IMAGE_NT_HEADERS *headers = (const void *)(image + dos->e_lfanew);
  const IMAGE_DATA_DIRECTORY *directory =
      &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT];
  const IMAGE_IMPORT_DESCRIPTOR *library = (const void *)(image + directory->VirtualAddress);
  for (; library->Name; library++) {
    ULONG_PTR *slot = (void *)(image + library->FirstThunk);
    for (; *slot; slot++) {
      if (*slot == (ULONG_PTR)real_lookup) redirect(slot);
    }
  }
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, LPVOID reserved) {
  (void)self, (void)reserved;
  if (reason == DLL_PROCESS_ATTACH) {
    real_lookup = (Lookup)(void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "GetProcAddress");
    redirect_imports((BYTE *)GetModuleHandleW(NULL));
  }
  return TRUE;
}
