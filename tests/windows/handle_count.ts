/**
 * How many kernel handles this process has, counted by the kernel itself: GetProcessHandleCount, which
 * would be simpler, always says 0 under Wine.
 */
import { KERNEL32, NTDLL } from "./system.ts";

/** SystemExtendedHandleInformation of NtQuerySystemInformation. */
const EXTENDED_HANDLES = 64;
const STATUS_INFO_LENGTH_MISMATCH = 0xc0000004;
/** SYSTEM_HANDLE_INFORMATION_EX: the number of handles and a reserved word, both 64 bits, then entries. */
const ENTRIES_OFFSET = 16;
/** SYSTEM_HANDLE_TABLE_ENTRY_INFO_EX. */
const ENTRY_SIZE = 40;
const ENTRY_PROCESS_OFFSET = 8;

const FIRST_BUFFER = 1 << 20;
const LARGEST_BUFFER = 1 << 28;

/** The handles of this process. */
export function handleCount(): number {
  const library = Deno.dlopen(NTDLL, {
    NtQuerySystemInformation: { parameters: ["u32", "buffer", "u32", "buffer"], result: "u32" },
  });
  try {
    for (let size = FIRST_BUFFER; size <= LARGEST_BUFFER; size *= 2) {
      const buffer = new Uint8Array(size);
      const status = library.symbols.NtQuerySystemInformation(EXTENDED_HANDLES, buffer, size, null);
      if (status === 0) return countOwn(new DataView(buffer.buffer));
      if (status !== STATUS_INFO_LENGTH_MISMATCH) {
        throw new Error(`NtQuerySystemInformation gave 0x${status.toString(16)}`);
      }
    }
    throw new Error("The system has too many handles to list");
  } finally {
    library.close();
  }
}

function countOwn(view: DataView): number {
  const all = Number(view.getBigUint64(0, true));
  let own = 0;
  for (let i = 0; i < all; i++) {
    const entry = ENTRIES_OFFSET + i * ENTRY_SIZE;
    if (Number(view.getBigUint64(entry + ENTRY_PROCESS_OFFSET, true)) === Deno.pid) own++;
  }
  return own;
}

/** A kernel handle that has nothing to do with disks. */
export interface Event extends Disposable {
  /** Its value; disposing the event closes it, and throws where somebody else has closed it. */
  readonly handle: bigint;
}

/** Makes an event. */
export function makeEvent(): Event {
  const library = Deno.dlopen(KERNEL32, {
    CreateEventW: { parameters: ["u64", "i32", "i32", "u64"], result: "u64" },
    CloseHandle: { parameters: ["u64"], result: "i32" },
  });
  const handle = library.symbols.CreateEventW(0n, 1, 0, 0n);
  return {
    handle,
    [Symbol.dispose]() {
      const closed = library.symbols.CloseHandle(handle);
      library.close();
      if (closed === 0) throw new Error("Somebody else closed the event");
    },
  };
}
