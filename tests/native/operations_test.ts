import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { VirtualDiskError } from "../../src/errors/error.ts";
import { type NativeVirtualDisk, openNative } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import type { FunctionName } from "../double/double.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

const MIB = 1024 * 1024;
/** A disk and what is done to it; the record of the call beyond its frame. */
type Row = [
  name: string,
  run: (disk: NativeVirtualDisk) => Promise<unknown>,
  fn: "CompactVirtualDisk" | "ExpandVirtualDisk" | "ResizeVirtualDisk" | "MergeVirtualDisk",
  flags: number,
  parameters: Record<string, number>,
];

const ROWS: Row[] = [
  ["compact", (d) => d.compact(), "CompactVirtualDisk", 0, { version: 1, reserved: 0 }],
  ["compact without a zero scan", (d) => d.compact({ noZeroScan: true }), "CompactVirtualDisk", 1, {
    version: 1,
    reserved: 0,
  }],
  ["compact without moves", (d) => d.compact({ noBlockMoves: true }), "CompactVirtualDisk", 2, {
    version: 1,
    reserved: 0,
  }],
  ["expand", (d) => d.expand(2 ** 45), "ExpandVirtualDisk", 0, { version: 1, newSize: 2 ** 45 }],
  ["expand with word of it", (d) => d.expand(MIB, { notifyChange: true }), "ExpandVirtualDisk", 1, {
    version: 1,
    newSize: MIB,
  }],
  ["resize", (d) => d.resize(3 * MIB), "ResizeVirtualDisk", 0, { version: 1, newSize: 3 * MIB }],
  ["resize unsafely", (d) => d.resize(MIB, { allowUnsafe: true }), "ResizeVirtualDisk", 1, {
    version: 1,
    newSize: MIB,
  }],
  ["resize to the smallest size", (d) => d.resize("smallest-safe"), "ResizeVirtualDisk", 2, {
    version: 1,
    newSize: 0,
  }],
  ["merge", (d) => d.merge(), "MergeVirtualDisk", 0, {
    version: 2,
    mergeSourceDepth: 1,
    mergeTargetDepth: 2,
  }],
  ["merge of a middle disk", (d) => d.merge({ sourceDepth: 2 }), "MergeVirtualDisk", 0, {
    version: 2,
    mergeSourceDepth: 2,
    mergeTargetDepth: 3,
  }],
  ["merge over some", (d) => d.merge({ targetDepth: 4 }), "MergeVirtualDisk", 0, {
    version: 2,
    mergeSourceDepth: 1,
    mergeTargetDepth: 4,
  }],
];

testRowsWithDouble("each operation passes each member", async (step) => {
  for (const [name, run, fn, flags, expected] of ROWS) {
    await step(name, async ({ double, openWritable }) => {
      using disk = openWritable();
      await run(disk);
      const call = double.lastCall(fn);
      assertEquals(
        [call.handle, call.flags, call.overlappedGiven],
        [Number(disk.handle), flags, true],
      );
      const parameters: unknown = call.parameters;
      assertEquals(parameters, expected);
    });
  }
});

testWithDouble(
  "what only the portable backend can do is refused, and not called",
  async ({ double, openWritable }) => {
    using disk = openWritable();
    const rows: [name: string, run: () => Promise<unknown>][] = [
      ["dryRun", () => disk.compact({ dryRun: true })],
      ["dryRun", () => disk.expand(2 ** 45, { dryRun: true })],
      ["dryRun", () => disk.resize("smallest-safe", { dryRun: true })],
      ["dryRun", () => disk.merge({ dryRun: true })],
      ["removeChild", () => disk.merge({ removeChild: true })],
      ["into", () => disk.merge({ into: "new.vhdx" })],
    ];
    for (const [name, run] of rows) {
      const error = await assertRejects(run, VirtualDiskError);
      assertEquals([error.symbol, error.message.includes(name)], ["ERROR_NOT_SUPPORTED", true]);
      assertEquals(error.causes, ['Open the disk with { backend: "portable" }.']);
    }
    const functions = [
      "CompactVirtualDisk",
      "ExpandVirtualDisk",
      "ResizeVirtualDisk",
      "MergeVirtualDisk",
    ] as const;
    assertEquals(functions.map((fn) => double.calls(fn)), [0, 0, 0, 0]);
    await disk.compact({ dryRun: false });
  },
);

testWithDouble("a report tells the sizes before and after", async ({ double, openWritable }) => {
  using disk = openWritable();
  const size = { virtualSize: 8 * MIB, physicalSize: 5 * MIB, blockSize: MIB, sectorSize: 512 };
  const run = async (operation: () => Promise<object>, after: Partial<typeof size>) => {
    double.setSize(size);
    const report = operation();
    // The function has been called, and the sizes before were asked for.
    double.setSize({ ...size, ...after });
    return await report;
  };
  assertEquals(await run(() => disk.compact(), { physicalSize: 4 * MIB }), {
    dryRun: false,
    previousFileSize: 5 * MIB,
    fileSize: 4 * MIB,
  });
  for (const change of [() => disk.expand(9 * MIB), () => disk.resize(9 * MIB)]) {
    assertEquals(await run(change, { virtualSize: 9 * MIB }), {
      dryRun: false,
      previousSize: 8 * MIB,
      virtualSize: 9 * MIB,
    });
  }
  assertEquals(await disk.merge(), { dryRun: false, removed: false });
});

testWithDouble("a disk that may not be asked has a report without sizes", async ({ open }) => {
  using disk = open(IMAGE, { access: ["metaops"] });
  assertEquals(await disk.compact(), { dryRun: false });
  assertEquals(await disk.expand(9 * MIB), { dryRun: false });
  assertEquals(await disk.resize("smallest-safe"), { dryRun: false });
});

testWithDouble("a merge by depth is of version 1", async ({ double, open }) => {
  using disk = open(IMAGE, { access: ["all"], rwDepth: 3 });
  await disk.merge({ depth: 2 });
  assertEquals(double.lastCall("MergeVirtualDisk").parameters, {
    version: 1,
    mergeDepth: 2,
    tailIsZero: true,
  });
});

testWithDouble("wrong arguments are refused before the call", async ({ double, openWritable }) => {
  using disk = openWritable();
  await assertRejects(() => disk.expand(-1), RangeError);
  await assertRejects(() => disk.resize(1.5), RangeError);
  await assertRejects(() => disk.resize(NaN), RangeError);
  await assertRejects(() => disk.merge({ depth: 2 ** 32 }), RangeError);
  await assertRejects(() => disk.mirror("a\0b"), TypeError);
  const error = await assertRejects(
    () => disk.merge({ depth: 1, targetDepth: 2 }),
    VirtualDiskError,
  );
  assertEquals(error.symbol, "ERROR_INVALID_PARAMETER");
  assertEquals(double.operations.list, []);
});

type Copy = {
  readonly start: "MirrorVirtualDisk" | "ForkVirtualDisk";
  readonly end: "BreakMirrorVirtualDisk" | "CompleteForkVirtualDisk";
  begin(disk: NativeVirtualDisk, path: string, signal?: AbortSignal): Promise<void>;
  finish(disk: NativeVirtualDisk): Promise<void>;
};

const COPIES: Copy[] = [
  {
    start: "MirrorVirtualDisk",
    end: "BreakMirrorVirtualDisk",
    begin: (disk, path, signal) => disk.mirror(path, { signal }),
    finish: (disk) => disk.breakMirror(),
  },
  {
    start: "ForkVirtualDisk",
    end: "CompleteForkVirtualDisk",
    begin: (disk, path, signal) => disk.fork(path, { signal }),
    finish: (disk) => disk.completeFork(),
  },
];

for (const { start, end, begin, finish } of COPIES) {
  testWithDouble(`${start} resolves when in step, and ${end} ends it`, async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    await begin(disk, "C:\\copies\\ü.vhdx");
    const call = double.lastCall(start);
    assertEquals([call.handle, call.flags], [Number(disk.handle), 0]);
    assertEquals(call.parameters, { version: 1, path: "C:\\copies\\ü.vhdx" });
    assertEquals(double.operations.pending, 1);
    const error = assertThrows(() => disk.close(), VirtualDiskError, start);
    assertEquals(error.symbol, "ERROR_INVALID_STATE");
    await finish(disk);
    assertEquals(double.operations.pending, 0);
    assertEquals(double.lastCall(end).handle, Number(disk.handle));
  });

  testWithDouble(`${start} that is aborted in step stays with the old file`, async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    const controller = new AbortController();
    await begin(disk, "C:\\b.vhdx", controller.signal);
    const reason = new Error("stay");
    controller.abort(reason);
    assertStrictEquals(await finish(disk).catch((error) => error), reason);
    assertEquals([double.operations.pending, double.calls(end)], [0, 0]);
    assertEquals(double.operations.list[0]!.cancelled, true);
  });

  testWithDouble(`${start} that is aborted before it is in step rejects`, async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    double.operations.tell(start, { steps: Infinity });
    const controller = new AbortController();
    const work = begin(disk, "C:\\b.vhdx", controller.signal);
    controller.abort("early");
    assertEquals(await work.catch((error) => error), "early");
  });

  testWithDouble(`${start} that fails while in step says so when it is ended`, async (context) => {
    const { double, libraries, openWritable } = context;
    using disk = openWritable();
    await begin(disk, "C:\\b.vhdx");
    libraries.kernel32.CancelIoEx(disk.handle, null);
    while (double.operations.pending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const error = await assertRejects(() => finish(disk), VirtualDiskError);
    assertEquals([error.code, error.operation], [995, start]);
  });

  testWithDouble(`${end} without ${start} throws the code of the call`, async (context) => {
    using disk = context.openWritable();
    const error = await assertRejects(() => finish(disk), VirtualDiskError);
    assertEquals([error.code, error.operation], [0xc03a001c, end]);
  });

  testWithDouble(`${start} rejects where it does not start, and begins anew`, async (context) => {
    const { double, openWritable } = context;
    using disk = openWritable();
    double.nextResult(start, 80);
    const error = await assertRejects(() => begin(disk, "C:\\b.vhdx"), VirtualDiskError);
    assertEquals(error.symbol, "ERROR_FILE_EXISTS");
    await begin(disk, "C:\\b.vhdx");
    await finish(disk);
  });

  testWithDouble(`a disk may be closed once a ${start} has ended by itself`, async (context) => {
    const { double, libraries, openWritable } = context;
    const disk = openWritable();
    await begin(disk, "C:\\b.vhdx");
    libraries.kernel32.CancelIoEx(disk.handle, null);
    while (double.operations.pending > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    disk.close();
  });
}

testWithDouble("a mirror has a bit for each option", async ({ double, openWritable }) => {
  const options = [
    ["existingFile", 1],
    ["skipActivation", 2],
    ["smbCompression", 4],
    ["liveMigration", 8],
  ] as const;
  using disk = openWritable();
  for (const [option, bit] of options) {
    await disk.mirror("C:\\b.vhdx", { [option]: true });
    assertEquals(double.lastCall("MirrorVirtualDisk").flags, bit);
    await disk.breakMirror();
  }
});

const NEEDED: [FunctionName, (disk: NativeVirtualDisk) => Promise<void>][] = [
  ["ForkVirtualDisk", (disk) => disk.fork("C:\\b.vhdx")],
  ["CompleteForkVirtualDisk", (disk) => disk.completeFork()],
];

testRowsWithDouble(
  "each operation that this Windows lacks says which Windows has it",
  async (step) => {
    for (const [name, run] of NEEDED) {
      await step(name, async (context) => {
        const { libraries } = context;
        const virtdisk = {
          ...libraries.virtdisk,
          ForkVirtualDiskAt: null,
          CompleteForkVirtualDiskAsync: null,
        };
        using disk = openNative(openRequest(IMAGE, { readOnly: false }), {
          ...libraries,
          virtdisk,
        });
        const error = await assertRejects(() => run(disk), VirtualDiskError, "does not have");
        assertEquals([error.code, error.operation], [120, name]);
        assertEquals(error.causes, ["It needs Windows 10 version 1809 or Windows Server 2019."]);
      });
    }
  },
);
