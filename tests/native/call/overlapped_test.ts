import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../../src/errors/error.ts";
import type { Progress } from "../../../src/disk/progress.ts";
import type { NativeVirtualDisk } from "../../../src/native/native_disk.ts";
import { testRowsWithDouble, testWithDouble } from "../with_double.ts";

const COMPACT = "CompactVirtualDisk";
const DISK_FULL = 112;
const ABORTED = 995;

/** Waits for the timers that are due. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** What comes of a promise, without waiting for it. */
function settled(promise: Promise<unknown>): () => boolean {
  let isSettled = false;
  const settle = () => isSettled = true;
  promise.then(settle, settle);
  return () => isSettled;
}

async function closed(disk: NativeVirtualDisk, pending: Promise<unknown>): Promise<void> {
  await pending.catch(() => {});
  disk.close();
}

testWithDouble("an operation resolves when Windows says that it is over", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  double.operations.tell(COMPACT, { steps: 5 });
  await disk.compact();
  const [operation] = double.operations.list;
  assertEquals([operation!.code, operation!.cancelled], [0, false]);
});

testWithDouble("an operation that is over when its function returns resolves", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  double.operations.tell(COMPACT, { steps: 0 });
  const seen: Progress[] = [];
  await disk.compact({ onProgress: (progress) => seen.push(progress) });
  assertEquals(double.lastCall(COMPACT).result, 0);
  assertEquals(seen, [{ completed: 1, total: 1, fraction: 1 }]);
});

testWithDouble("an operation that does not start rejects with its code", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  double.nextResult(COMPACT, DISK_FULL);
  const error = await assertRejects(() => disk.compact(), VirtualDiskError);
  assertEquals([error.code, error.operation, error.path], [DISK_FULL, COMPACT, disk.path]);
  assertEquals(double.operations.list.length, 0);
});

testWithDouble("an operation that fails later rejects with its code", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  for (const code of [DISK_FULL, 0xc03a001b]) {
    double.operations.tell(COMPACT, { code });
    const error = await assertRejects(() => disk.compact(), VirtualDiskError);
    assertEquals(error.code, code);
  }
});

testWithDouble(
  "the outcome comes from the OVERLAPPED where progress is not told",
  async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    for (const code of [0, 0xc03a0025]) {
      double.operations.tell(COMPACT, { code });
      double.nextResult("GetVirtualDiskOperationProgress", 1, 1000);
      const outcome = disk.compact().then(() => 0, (error) => error.code);
      assertEquals(await outcome, code);
    }
  },
);

testWithDouble(
  "progress is told step by step, and its fraction never goes back",
  async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    const told = [[1, 10], [5, 10], [3, 10], [6, 20], [20, 20]] as const;
    double.operations.tellProgress(COMPACT, told);
    const seen: Progress[] = [];
    await disk.compact({ onProgress: (progress) => seen.push(progress) });
    assertEquals(
      seen.map(({ completed, total }) => [completed, total]),
      [[1, 10], [5, 10], [3, 10], [6, 20], [20, 20], [20, 20]],
    );
    const fractions = seen.map(({ fraction }) => fraction);
    assertEquals(fractions.slice(0, 4), [0.1, 0.5, 0.5, 0.5]);
    assert(fractions[4]! > 0.5 && fractions[4]! < 1);
    assertEquals(fractions[5], 1);
  },
);

testWithDouble("progress without a total is not told", async ({ double, openWritable }) => {
  using disk = openWritable();
  double.operations.tellProgress(COMPACT, [[0, 0], [7, 0]]);
  const seen: Progress[] = [];
  await disk.compact({ onProgress: (progress) => seen.push(progress) });
  assertEquals(seen, [{ completed: 1, total: 1, fraction: 1 }]);
});

testWithDouble("a signal ends an operation, whose promise waits for that", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  double.operations.tell(COMPACT, { steps: Infinity });
  const controller = new AbortController();
  const reason = { why: "enough" };
  const work = disk.compact({ signal: controller.signal });
  const isSettled = settled(work);
  await turn();
  assertEquals([isSettled(), double.operations.pending], [false, 1]);
  controller.abort(reason);
  assertStrictEquals(await work.catch((error) => error), reason);
  assertEquals(double.operations.pending, 0);
  const [operation] = double.operations.list;
  assertEquals([operation!.code, operation!.cancelled], [ABORTED, true]);
});

testWithDouble("a signal that is aborted before starts nothing", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  const signal = AbortSignal.abort("no");
  assertEquals(await disk.compact({ signal }).catch((error) => error), "no");
  assertEquals(double.calls(COMPACT), 0);
});

testWithDouble("a signal that comes when all is done changes nothing", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  const controller = new AbortController();
  await disk.compact({
    signal: controller.signal,
    onProgress: ({ fraction }) => {
      if (fraction === 1) controller.abort();
    },
  });
  assertEquals(double.operations.list[0]!.cancelled, false);
});

testWithDouble(
  "an operation ended by somebody else is ERROR_OPERATION_ABORTED",
  async (context) => {
    const { double, libraries, openWritable } = context;
    using disk = openWritable();
    double.operations.tell(COMPACT, { steps: Infinity });
    const work = disk.compact();
    libraries.kernel32.CancelIoEx(disk.handle, null);
    const error = await assertRejects(() => work, VirtualDiskError);
    assertEquals(error.code, ABORTED);
  },
);

testWithDouble(
  "what a progress listener throws ends the operation and is thrown",
  async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    double.operations.tell(COMPACT, { steps: Infinity });
    const thrown = new Error("from the listener");
    const onProgress = () => {
      throw thrown;
    };
    assertStrictEquals(await disk.compact({ onProgress }).catch((error) => error), thrown);
    assertEquals(double.operations.list[0]!.cancelled, true);
  },
);

testWithDouble("operations on several disks run at once, and end on their own", async (context) => {
  const { double, openWritable } = context;
  double.operations.tell(COMPACT, { steps: Infinity });
  const controllers = Array.from({ length: 40 }, () => new AbortController());
  const disks = controllers.map(openWritable);
  const works = disks.map((disk, i) => disk.compact({ signal: controllers[i]!.signal }));
  const outcomes = works.map((work) => work.then(() => "done", (error) => error));
  assertEquals(double.operations.pending, 40);
  controllers.forEach((controller, i) => i % 2 === 0 && controller.abort(`stop ${i}`));
  await Promise.all(outcomes.filter((_, i) => i % 2 === 0));
  assertEquals(double.operations.pending, 20);
  double.operations.endAll();
  assertEquals(
    await Promise.all(outcomes),
    disks.map((_, i) => i % 2 === 0 ? `stop ${i}` : "done"),
  );
  for (const disk of disks) disk.close();
});

testWithDouble("files are read and timers run while operations wait", async (context) => {
  const { double, openWritable } = context;
  double.operations.tell(COMPACT, { steps: Infinity });
  const disks = Array.from({ length: 64 }, openWritable);
  const works = disks.map((disk) => disk.compact());
  for (let i = 0; i < 10; i++) {
    await turn();
    assert((await Deno.readTextFile(new URL(import.meta.url))).length > 0);
  }
  assertEquals(double.operations.pending, 64);
  double.operations.endAll();
  await Promise.all(works);
  for (const disk of disks) disk.close();
});

testWithDouble("a disk is not closed under an operation", async ({ double, openWritable }) => {
  const disk = openWritable();
  double.operations.tell(COMPACT, { steps: Infinity });
  const controller = new AbortController();
  const work = disk.compact({ signal: controller.signal });
  const error = assertThrows(
    () => disk.close(),
    VirtualDiskError,
    "CompactVirtualDisk is not over",
  );
  assertEquals([error.symbol, error.path, disk.closed], ["ERROR_INVALID_STATE", disk.path, false]);
  controller.abort();
  await closed(disk, work);
  assertEquals(disk.closed, true);
});

testWithDouble(
  "an operation on a closed disk is ERROR_INVALID_HANDLE",
  async ({ openWritable }) => {
    const disk = openWritable();
    disk.close();
    const error = await assertRejects(() => disk.compact(), VirtualDiskError);
    assertEquals([error.symbol, error.operation], ["ERROR_INVALID_HANDLE", COMPACT]);
  },
);

testRowsWithDouble(
  "completion() gives the outcome, in whatever order the event and the status come",
  async (step) => {
    for (const way of ["without-event", "after-event"] as const) {
      await step(way, async (context) => {
        const { double, openWritable } = context;
        using disk = openWritable();
        for (const code of [0, DISK_FULL]) {
          double.operations.tell(COMPACT, { code });
          double.operations.tellEnd(way);
          assertEquals(await disk.compact().then(() => 0, (error) => error.code), code);
        }
      });
    }
  },
);

testWithDouble(
  "an operation that sets no event and tells no progress ends with its status",
  async ({ double, openWritable }) => {
    using disk = openWritable();
    double.operations.tell(COMPACT, { code: 0xc03a0025 });
    double.operations.tellEnd("without-event");
    double.nextResult("GetVirtualDiskOperationProgress", 1, 1000);
    const error = await assertRejects(() => disk.compact(), VirtualDiskError);
    assertEquals(error.code, 0xc03a0025);
  },
);

testWithDouble("a status without a Win32 code is told by its number", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  double.operations.tell(COMPACT, { code: 1117 });
  double.nextResult("GetVirtualDiskOperationProgress", 1, 1000);
  const error = await assertRejects(() => disk.compact(), VirtualDiskError, "NTSTATUS 0xC001045D");
  assertEquals(error.symbol, "ERROR_GEN_FAILURE");
});

testWithDouble("a mirror of a disk without contents is in step", async (context) => {
  const { double, openWritable } = context;
  using disk = openWritable();
  double.operations.tellProgress("MirrorVirtualDisk", [[0, 0]]);
  await disk.mirror("C:\\mirror.vhdx");
  await disk.breakMirror();
});
