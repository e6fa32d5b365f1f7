/** Long operations on a Windows system that has the double for its VirtDisk.dll. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import {
  attachedVirtualDisks,
  createVirtualDisk,
  openVirtualDisk,
  openVirtualDiskSync,
} from "@virtdisk/virtdisk";
import { systemLibraries } from "../../src/native/ffi/library.ts";
import { Device } from "../../src/native/device.ts";
import { buildDouble, Double } from "../double/double.ts";
import { testWith } from "../support.ts";
import { handleCount } from "./handle_count.ts";
import { loadOnce, systemHas } from "./system.ts";

loadOnce("double");

const CYCLES = 10_000;
/** Cancelled operations that run at once: each waits for a timer. */
const CANCELLED_AT_ONCE = 16;
/** Cycles that run at once before handles are counted: the pool has all of its threads then. */
const WARM_UP = 50;
/** Attachments that are there at once: the double looks through all disks whenever one is asked about. */
const ATTACHED_AT_ONCE = 8;
const PATH = "C:\\a.vhdx";
const withDouble = systemHas("double");

function openWritable() {
  return openVirtualDiskSync(PATH, { backend: "native", readOnly: false });
}

/**
 * Runs a cycle many times; the process has no more handles afterwards. It may have a few less: threads of
 * Deno's pool that have nothing to do end, and take theirs with them.
 */
async function assertKeepsHandles(
  double: Double,
  atOnce: number,
  cycle: (i: number) => Promise<void>,
): Promise<void> {
  const runSome = (first: number, count: number) =>
    Promise.all(Array.from({ length: count }, (_, i) => cycle(first + i)));
  await runSome(0, WARM_UP); // threads of the pool and of the double come with handles of their own
  assertEquals([double.liveHandles, double.operations.pending], [0, 0]);
  const before = await settledCount();
  for (let i = 0; i < CYCLES; i += atOnce) await runSome(i, atOnce);
  assertEquals([double.liveHandles, double.operations.pending], [0, 0]);
  assertLessOrEqual(await settledCount(), before);
}

/** Threads that end give their handles back a little later: the count is taken when it stands still. */
async function settledCount(): Promise<number> {
  for (let last = handleCount();;) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const count = handleCount();
    if (count === last) return count;
    last = count;
  }
}

testWith([withDouble], "ten thousand attachments leave no handle behind", async () => {
  using double = new Double(buildDouble());
  double.operations.tell("all", { steps: 0 });
  await assertKeepsHandles(double, ATTACHED_AT_ONCE, async (i) => {
    // The double, as Windows, attaches an image once.
    using disk = openVirtualDiskSync(`C:\\${i}.vhdx`, { backend: "native", readOnly: false });
    await using _attachment = await disk.attach({ noLocalHost: true });
  });
  assertEquals(double.answers.attachments, 0);
});

testWith([withDouble], "ten thousand cancelled operations leave no handle behind", async () => {
  using double = new Double(buildDouble());
  double.operations.tell("all", { steps: Infinity });
  await assertKeepsHandles(double, CANCELLED_AT_ONCE, async () => {
    using disk = openWritable();
    const controller = new AbortController();
    const work = disk.compact({ signal: controller.signal });
    controller.abort("enough");
    assertEquals(await work.catch((error) => error), "enough");
  });
});

testWith(
  [withDouble],
  "an attached disk has the mount points that Windows has of its device",
  async () => {
    using double = new Double(buildDouble());
    const { kernel32 } = systemLibraries();
    const drive = `${Deno.env.get("SystemDrive")}`;
    using device = Device.open(kernel32, `\\\\.\\${drive}`);
    const { number } = device!.deviceNumber!;
    double.answers.setDiskNumber(number);
    // Closing it detaches the disk, which locks no volume: they are this system's own.
    using disk = openVirtualDiskSync(PATH, { backend: "native" });
    const { diskNumber, physicalPath, volumes } = await disk.attach({ volumeTimeout: 0 });
    assertEquals([diskNumber, physicalPath], [number, `\\\\.\\PhysicalDrive${number}`]);
    // They were there before.
    assertEquals(volumes, []);
    const [listed, ...others] = attachedVirtualDisks();
    assertEquals([listed?.imagePath, listed?.error, others], [PATH, undefined, []]);
    assert(listed?.mountPoints.includes(`${drive}\\`), JSON.stringify(listed));
  },
);

testWith([withDouble], "creating is native by default", async () => {
  using double = new Double(buildDouble());
  using disk = await createVirtualDisk("C:\\new.vhdx", { size: 1 << 30 });
  assertEquals(disk.backend, "native");
  assertEquals(double.lastCall("CreateVirtualDisk").path, "C:\\new.vhdx");
  using other = await openVirtualDisk(PATH);
  assertEquals(other.backend, "native");
});
