/** Long operations of the double, by what a caller of the two libraries sees. */
import { assert, assertEquals } from "@std/assert";
import {
  MIRROR_VIRTUAL_DISK_PARAMETERS,
  VIRTUAL_DISK_PROGRESS,
} from "../../src/native/ffi/structs.ts";
import { CallMemory } from "../../src/native/call/memory.ts";
import { type DoubleContext, IMAGE, testWithDouble } from "../native/with_double.ts";

const PENDING = 997;
const ABORTED = 995;
const OVERLAPPED_BYTES = 32;
const EVENT_OFFSET = 24;
const STATUS_CANCELLED = 0xc0000120;
const COMPACT = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);

/** An OVERLAPPED with an event, and the disk that a call works on. */
class Pending implements Disposable {
  readonly overlapped = new Uint8Array(OVERLAPPED_BYTES);
  readonly event: bigint;
  readonly #disk: { handle: bigint; close(): void };

  constructor(readonly context: DoubleContext) {
    this.#disk = context.open(IMAGE, { readOnly: false });
    this.event = context.libraries.kernel32.CreateEventW(null, 1, 0, null);
    new DataView(this.overlapped.buffer).setBigUint64(EVENT_OFFSET, this.event, true);
  }

  get handle(): bigint {
    return this.#disk.handle;
  }

  compact(): number {
    const { virtdisk } = this.context.libraries;
    return virtdisk.CompactVirtualDisk(this.handle, 0, COMPACT, this.overlapped);
  }

  mirror(path = "C:\\mirror.vhdx"): number {
    const { kernel32, virtdisk } = this.context.libraries;
    using memory = new CallMemory(kernel32);
    const MirrorVirtualDiskPath = memory.addressOfString(path);
    this.parameters = MIRROR_VIRTUAL_DISK_PARAMETERS.pack({
      Version: 1,
      Version1: { MirrorVirtualDiskPath },
    });
    return virtdisk.MirrorVirtualDisk(this.handle, 0, this.parameters, this.overlapped);
  }

  parameters: Uint8Array<ArrayBuffer> = new Uint8Array();

  progress() {
    const progress = new Uint8Array(VIRTUAL_DISK_PROGRESS.size);
    const { virtdisk } = this.context.libraries;
    const result = virtdisk.GetVirtualDiskOperationProgress(
      this.handle,
      this.overlapped,
      progress,
    );
    assertEquals(result, 0);
    const { OperationStatus, CurrentValue, CompletionValue } = VIRTUAL_DISK_PROGRESS.unpack(
      progress,
    );
    return [OperationStatus, Number(CurrentValue), Number(CompletionValue)];
  }

  /** Whether the operation has ended. */
  wait(ms: number): boolean {
    return this.context.libraries.kernel32.WaitForSingleObject(this.event, ms) === 0;
  }

  cancel(): number {
    return this.context.libraries.kernel32.CancelIoEx(this.handle, this.overlapped);
  }

  get status(): number {
    return new DataView(this.overlapped.buffer).getUint32(0, true);
  }

  [Symbol.dispose](): void {
    this.context.libraries.kernel32.CloseHandle(this.event);
    this.#disk.close();
  }
}

const LONG = 60_000;

testWithDouble("an operation goes on after its call and sets its event at the end", (context) => {
  const { double } = context;
  using pending = new Pending(context);
  double.operations.tell("CompactVirtualDisk", { steps: Infinity });
  assertEquals(pending.compact(), PENDING);
  assert(!pending.wait(20));
  assertEquals([pending.progress()[0], pending.status], [PENDING, 0x103]);
  assertEquals(double.operations.pending, 1);
  double.operations.endAll();
  assert(pending.wait(LONG));
  assertEquals([pending.progress()[0], pending.status], [0, 0]);
  const { function: name, code, cancelled, memoryIntact, overlappedIntact } = double.operations.list
    .at(-1)!;
  assertEquals([name, code, cancelled], ["CompactVirtualDisk", 0, false]);
  assertEquals([memoryIntact, overlappedIntact], [true, true]);
});

testWithDouble("an operation ends with the code that was told", (context) => {
  using pending = new Pending(context);
  for (const code of [112, 0xc03a0009]) {
    context.double.operations.tell("CompactVirtualDisk", { code });
    assertEquals(pending.compact(), PENDING);
    assert(pending.wait(LONG));
    assertEquals(pending.progress()[0], code);
  }
});

testWithDouble("CancelIoEx ends an operation once, and that one alone", (context) => {
  const { double } = context;
  double.operations.tell("all", { steps: Infinity });
  using first = new Pending(context);
  using second = new Pending(context);
  assertEquals([first.compact(), second.compact()], [PENDING, PENDING]);
  assertEquals(first.cancel(), 1);
  assert(first.wait(LONG));
  assertEquals([first.progress()[0], first.status], [ABORTED, STATUS_CANCELLED]);
  assertEquals(first.cancel(), 0);
  assertEquals(context.libraries.kernel32.GetLastError(), 1168);
  assert(!second.wait(0));
  assertEquals(second.progress()[0], PENDING);
  double.operations.endAll();
  assert(second.wait(LONG));
  assertEquals(double.operations.list.map((each) => each.cancelled), [true, false]);
});

testWithDouble("closing the handle ends what is pending on it", (context) => {
  context.double.operations.tell("all", { steps: Infinity });
  const pending = new Pending(context);
  const { kernel32 } = context.libraries;
  assertEquals(pending.compact(), PENDING);
  const { event } = pending;
  kernel32.CloseHandle(pending.handle);
  assertEquals(kernel32.WaitForSingleObject(event, LONG), 0);
  kernel32.CloseHandle(event);
  assertEquals(context.double.operations.list.at(-1)!.code, ABORTED);
});

testWithDouble("progress is as told, query by query", (context) => {
  using pending = new Pending(context);
  const told = [[5, 10], [3, 10], [40, 100], [100, 100]] as const;
  context.double.operations.tellProgress("CompactVirtualDisk", told);
  assertEquals(pending.compact(), PENDING);
  for (const pair of told) assertEquals(pending.progress(), [PENDING, ...pair]);
  assert(pending.wait(LONG));
  assertEquals(pending.progress(), [0, 100, 100]);
  assertEquals(context.double.operations.list.at(-1)!.queries, 5);
});

testWithDouble("an operation can be over when its call returns", (context) => {
  using pending = new Pending(context);
  for (const code of [0, 112]) {
    context.double.operations.tell("all", { steps: 0, code });
    assertEquals(pending.compact(), code);
    assert(pending.wait(0));
  }
  context.double.nextResult("CompactVirtualDisk", 5);
  assertEquals([pending.compact(), pending.wait(0)], [5, true]);
});

testWithDouble("without an OVERLAPPED a call is over when it returns", (context) => {
  using disk = context.open(IMAGE, { readOnly: false });
  context.double.operations.tell("all", { steps: 2, stepMs: 1, code: 1117 });
  const { virtdisk } = context.libraries;
  assertEquals(virtdisk.CompactVirtualDisk(disk.handle, 0, null, null), 1117);
  assertEquals(context.double.lastCall("CompactVirtualDisk"), {
    calls: 1,
    order: 2,
    result: 1117,
    handle: Number(disk.handle),
    flags: 0,
    overlappedGiven: false,
    parameters: null,
  });
});

testWithDouble("a mirror is pending in step until it is broken", (context) => {
  const { double, libraries: { virtdisk } } = context;
  using pending = new Pending(context);
  assertEquals(virtdisk.BreakMirrorVirtualDisk(pending.handle), 0xc03a001c);
  assertEquals(pending.mirror(), PENDING);
  while (pending.progress()[1] !== pending.progress()[2]) assert(!pending.wait(1));
  assert(!pending.wait(10));
  assertEquals(pending.progress(), [PENDING, 3, 3]);
  assertEquals(double.lastCall("MirrorVirtualDisk").parameters?.path, "C:\\mirror.vhdx");
  assertEquals(virtdisk.BreakMirrorVirtualDisk(pending.handle), 0);
  assert(pending.wait(LONG));
  assertEquals(pending.progress()[0], 0);
});

testWithDouble("a mirror can be cancelled in step", (context) => {
  using pending = new Pending(context);
  assertEquals(pending.mirror(), PENDING);
  assert(!pending.wait(20));
  assertEquals(pending.cancel(), 1);
  assert(pending.wait(LONG));
  assertEquals(pending.progress()[0], ABORTED);
});

testWithDouble("memory that has changed before the end is reported", (context) => {
  const { double } = context;
  {
    using pending = new Pending(context);
    double.operations.tell("all", { steps: Infinity });
    assertEquals(pending.mirror(), PENDING);
    pending.parameters.fill(0xff, 4, 8);
    double.operations.endAll();
    assert(pending.wait(LONG));
    assertEquals(double.operations.list.at(-1)!.memoryIntact, false);
  }
  // What follows every test looks for just that.
  double.reset();
});

testWithDouble("an attachment begins where its operation succeeds", (context) => {
  const { double, libraries: { virtdisk } } = context;
  const attach = ({ handle, overlapped }: Pending) =>
    virtdisk.AttachVirtualDisk(handle, null, 0, 0, null, overlapped);
  using pending = new Pending(context);
  double.operations.tell("AttachVirtualDisk", { code: 1314 });
  assertEquals(attach(pending), PENDING);
  assert(pending.wait(LONG));
  assertEquals([pending.progress()[0], double.answers.attachments], [1314, 0]);
  double.operations.tell("AttachVirtualDisk", {});
  assertEquals(attach(pending), PENDING);
  assert(pending.wait(LONG));
  assertEquals([pending.progress()[0], double.answers.attachments], [0, 1]);
  assertEquals(attach(pending), 22);
  assertEquals(double.lastOpen.path, IMAGE);
});
