import { assert, assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { openVirtualDisk, openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { testWith } from "../support.ts";
import { buildDouble, Double } from "../double/double.ts";
import { handleCount, makeEvent } from "./handle_count.ts";
import { loadOnce, systemHas } from "./system.ts";

loadOnce("double");

const CYCLES = 10_000;
const EVENTS = 64;
const PATH = "C:\\a.vhd";
const ERROR_SHARING_VIOLATION = 32;
const withDouble = systemHas("double");

/**
 * The handles of this process; the double itself lets go of its own end when it is asked. There may be a few less
 * than before: threads of Deno's pool that have nothing to do end, and take theirs with them.
 */
function settledCount(double: Double): number {
  assertEquals(double.liveHandles, 0);
  return handleCount();
}

function open() {
  return openVirtualDiskSync(PATH, { backend: "native" });
}

testWith([withDouble], "ten thousand opens and closes leave no handle behind", () => {
  using double = new Double(buildDouble());
  open().close();
  const before = settledCount(double);
  for (let i = 0; i < CYCLES; i++) {
    using _disk = open();
  }
  assertLessOrEqual(settledCount(double), before);
  assertEquals(double.lastOpen.calls, CYCLES + 1);
});

testWith([withDouble], "ten thousand failed opens leave no handle behind", () => {
  using double = new Double(buildDouble());
  open().close();
  const before = settledCount(double);
  double.nextOpen(ERROR_SHARING_VIOLATION, CYCLES);
  for (let i = 0; i < CYCLES; i++) assertThrows(open, VirtualDiskError);
  assertLessOrEqual(settledCount(double), before);
  assertEquals(double.lastOpen.calls, CYCLES + 1);
});

testWith([withDouble], "asynchronous opens leave no handle behind", async () => {
  using double = new Double(buildDouble());
  const openAsync = () => openVirtualDisk(PATH, { backend: "native" });
  (await openAsync()).close();
  // The threads that wait for such opens are made by the first few; each holds handles of its own.
  for (const disk of await Promise.all(Array.from({ length: 64 }, openAsync))) disk.close();
  assertEquals(double.liveHandles, 0);
});

testWith([withDouble], "a second close leaves alone the handle that has the value now", () => {
  using double = new Double(buildDouble());
  const first = open();
  const value = first.handle;
  first.close();
  // Windows gives a closed value out again at once; other threads of Deno may take it first.
  using events = new DisposableStack();
  const handles = Array.from({ length: EVENTS }, () => events.use(makeEvent()).handle);
  assert(handles.includes(value), `${value} is not among ${handles}`);
  first.close();
  first[Symbol.dispose]();
  // Disposing the events throws where one of them is closed already.
  assertEquals(double.liveHandles, 0);
});

testWith([withDouble], "an error inside a using scope closes the disk", () => {
  using double = new Double(buildDouble());
  assertThrows(() => {
    using disk = open();
    assertEquals(double.liveHandles, 1);
    disk.getInformation("size"); // the double was told of no size
  }, VirtualDiskError);
  assertEquals(double.liveHandles, 0);
});
