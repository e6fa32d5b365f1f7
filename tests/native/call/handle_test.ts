import { assertEquals, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../../src/errors/error.ts";
import { INFORMATION_KINDS } from "../../../src/disk/information.ts";
import { Handle } from "../../../src/native/call/handle.ts";
import type { Kernel32 } from "../../../src/native/ffi/kernel32.ts";
import { testWithDouble } from "../with_double.ts";

testWithDouble("using closes the handle once", ({ double, open }) => {
  {
    using disk = open();
    assertEquals([disk.closed, double.liveHandles], [false, 1]);
  }
  assertEquals(double.liveHandles, 0);
});

testWithDouble("close() closes the handle once, and again does nothing", ({ double, open }) => {
  using disk = open();
  disk.close();
  assertEquals([disk.closed, double.liveHandles], [true, 0]);
  disk.close();
  disk[Symbol.dispose]();
  assertEquals(double.liveHandles, 0);
});

testWithDouble("using closes the handle when an exception leaves the scope", ({ double, open }) => {
  assertThrows(
    () => {
      using _disk = open();
      throw new Error("thrown in the scope");
    },
    Error,
    "thrown in the scope",
  );
  assertEquals(double.liveHandles, 0);
});

testWithDouble("a second close does not close the disk that got the same number", (context) => {
  const { double, open } = context;
  const first = open();
  first.close();
  using second = open();
  first.close();
  assertEquals([second.closed, double.liveHandles], [false, 1]);
});

testWithDouble("a closed disk is ERROR_INVALID_HANDLE, whatever is asked", ({ double, open }) => {
  const disk = open();
  disk.close();
  for (const kind of INFORMATION_KINDS) {
    const error = assertThrows(() => disk.getInformation(kind), VirtualDiskError);
    assertEquals([error.code, error.path], [6, disk.path]);
  }
  assertEquals(assertThrows(() => disk.information(), VirtualDiskError).code, 6);
  const error = assertThrows(() => disk.handle, VirtualDiskError);
  assertEquals([error.code, error.path], [6, disk.path]);
  assertEquals(double.informationCalls, 0);
});

testWithDouble("a thousand disks opened and closed leave no handle", ({ double, open }) => {
  for (let i = 0; i < 1000; i++) open().close();
  assertEquals(double.liveHandles, 0);
});

type ClosingKernel32 = Pick<Kernel32, "CloseHandle" | "GetLastError">;

/** A kernel32.dll that records the handles it is given to close, and gives `result`. */
function recordingKernel32(result: number): { kernel32: ClosingKernel32; closed: bigint[] } {
  const closed: bigint[] = [];
  const kernel32: ClosingKernel32 = {
    CloseHandle: (handle) => {
      closed.push(handle);
      return result;
    },
    GetLastError: () => 6,
  };
  return { kernel32, closed };
}

Deno.test("a handle is closed with the value it was made of", () => {
  const { kernel32, closed } = recordingKernel32(1);
  const value = 0xffffffff80000004n;
  const handle = new Handle(kernel32, value);
  assertEquals(handle.value, value);
  handle.close();
  handle.close();
  assertEquals(closed, [value]);
  assertEquals(assertThrows(() => handle.value, VirtualDiskError).code, 6);
});

Deno.test("a CloseHandle that fails is an error, and is not tried again", () => {
  const { kernel32, closed } = recordingKernel32(0);
  const handle = new Handle(kernel32, 4n);
  const error = assertThrows(() => handle.close(), VirtualDiskError);
  assertEquals([error.code, error.operation], [6, "CloseHandle"]);
  handle.close();
  assertEquals(closed, [4n]);
});
