/** Prints whether memory lives during a call and after it. Usage: collect_memory.ts KERNEL32 */
import { decodeUtf16Z } from "../../../src/bytes/utf16.ts";
import { CallMemory } from "../../../src/native/call/memory.ts";
import { KERNEL32_FUNCTIONS } from "../../../src/native/ffi/kernel32.ts";
import { wideString } from "../../../src/native/ffi/text.ts";

const { gc } = globalThis as unknown as { gc: () => void };

const READER = {
  read: { name: "lstrcpynW", parameters: ["buffer", "u64", "i32"], result: "u64" },
} as const;
const path = Deno.args[0]!;
const kernel32 = Deno.dlopen(path, KERNEL32_FUNCTIONS).symbols;
const reader = Deno.dlopen(path, READER).symbols;

/** Collections happen between turns of the event loop, when no stack holds a reference. */
async function collect(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setTimeout(resolve));
    gc();
  }
}

function state(reference: WeakRef<ArrayBuffer>): string {
  return reference.deref() === undefined ? "collected" : "kept";
}

async function call(): Promise<{ reference: WeakRef<ArrayBuffer>; during: string; text: string }> {
  using memory = new CallMemory(kernel32);
  const { reference, address } = (() => {
    const bytes = wideString("C:\\p.vhdx");
    return { reference: new WeakRef(bytes.buffer), address: memory.addressOf(bytes) };
  })();
  await collect();
  const during = state(reference);
  const copy = new Uint8Array(64);
  reader.read(copy, address, copy.length / 2);
  return { reference, during, text: decodeUtf16Z(copy) };
}

const { reference, during, text } = await call();
await collect();
console.log(JSON.stringify({ during, text, after: state(reference) }));
