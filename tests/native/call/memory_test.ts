import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { CallMemory } from "../../../src/native/call/memory.ts";
import { SET_VIRTUAL_DISK_INFO } from "../../../src/native/ffi/structs.ts";
import { wideString } from "../../../src/native/ffi/text.ts";
import { buildDouble } from "../../double/double.ts";
import { run } from "../../support.ts";
import { testWithDouble } from "../with_double.ts";

/** lstrcpynW by address: reads the memory that an address points to. */
const READER = {
  read: {
    name: "lstrcpynW",
    parameters: ["buffer", "u64", "i32"],
    result: "u64",
  },
} as const;

function readString(address: bigint, characters: number): number[] {
  const library = Deno.dlopen(buildDouble().kernel32, READER);
  try {
    const buffer = new Uint16Array(characters);
    library.symbols.read(buffer, address, characters);
    return [...buffer];
  } finally {
    library.close();
  }
}

testWithDouble("the address of a string is where its characters are", ({ libraries }) => {
  using memory = new CallMemory(libraries.kernel32);
  for (const text of ["", "C:\\p.vhdx", "Größe 💾 \ud800"]) {
    const units = [...Array(text.length).keys()].map((i) => text.charCodeAt(i));
    assertEquals(readString(memory.addressOfString(text), text.length + 1), [...units, 0]);
  }
});

testWithDouble("telling its address leaves a buffer as it was", ({ libraries }) => {
  using memory = new CallMemory(libraries.kernel32);
  for (const bytes of [Uint8Array.of(1, 2), Uint8Array.of(9, 8, 7, 6, 5), wideString("abc")]) {
    const before = [...bytes];
    assert(memory.addressOf(bytes) !== 0n);
    assertEquals([...bytes], before);
  }
});

testWithDouble("a part of a buffer has its own address", ({ libraries }) => {
  using memory = new CallMemory(libraries.kernel32);
  const bytes = new Uint8Array(64);
  const start = memory.addressOf(bytes);
  assertEquals(memory.addressOf(bytes.subarray(24)), start + 24n);
});

testWithDouble(
  "a buffer too short to be pointed to is refused, and a NUL in a string",
  (context) => {
    using memory = new CallMemory(context.libraries.kernel32);
    for (const length of [0, 1]) {
      assertThrows(() => memory.addressOf(new Uint8Array(length)), RangeError, "too short");
    }
    assertThrows(() => memory.addressOfString("a\0b"), TypeError, "NUL");
  },
);

testWithDouble("an address goes into a structure as its pointer", ({ libraries }) => {
  using memory = new CallMemory(libraries.kernel32);
  const ParentFilePath = memory.addressOfString("C:\\p.vhdx");
  const info = SET_VIRTUAL_DISK_INFO.pack({ Version: 1, ParentFilePath });
  const pointer = new DataView(info.buffer).getBigUint64(8, true);
  assertEquals(String.fromCharCode(...readString(pointer, 10)), "C:\\p.vhdx\0");
});

testWithDouble("a short buffer has one address, however often it is asked for", ({ libraries }) => {
  using memory = new CallMemory(libraries.kernel32);
  for (const length of [2, 8, 20, 64, 65]) {
    const bytes = new Uint8Array(length);
    const address = memory.addressOf(bytes);
    const others = Array.from({ length: 1000 }, () => new Uint8Array(length));
    assertEquals(memory.addressOf(bytes), address);
    assert(others.every((other) => memory.addressOf(other) !== address));
  }
});

testWithDouble("memory outlives collections until the call is over, and then goes", () => {
  const script = fromFileUrl(new URL("../children/collect_memory.ts", import.meta.url));
  const { kernel32 } = buildDouble();
  const flags = ["--no-prompt", "--v8-flags=--expose-gc", `--allow-ffi=${kernel32}`];
  const output = run(Deno.execPath(), "run", ...flags, script, kernel32);
  assertEquals(JSON.parse(output), { during: "kept", text: "C:\\p.vhdx", after: "collected" });
});
