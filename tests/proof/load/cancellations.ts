/** Long operations that are cancelled at some moment, again and again. */
import { join } from "@std/path";
import {
  checkVirtualDisk,
  compareVirtualDisks,
  convertVirtualDisk,
  createVirtualDisk,
  findVirtualDiskChains,
  openVirtualDisk,
  type OperationOptions,
} from "@virtdisk/virtdisk/portable";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { makeImages, SIZE } from "./images.ts";
import type { Phase } from "./phase.ts";

const MIB = 2 ** 20;
/** An operation reports its progress, and can be cancelled, about every 10 ms: here at every piece of its work. */
const TURN = 11;
/** Of those moments: at one of the first so many. */
const MOMENTS = 12;

/** What is cancelled; some of it is done in full. */
interface Cancelled {
  readonly name: string;
  run(options: OperationOptions): Promise<unknown>;
}

/** One operation after the other. */
export const cancellations: Phase = async ({ folder, count, seed }) => {
  await makeImages(folder);
  const random = new Random(seed);
  let now = performance.now();
  performance.now = () => now += TURN;
  const named = (name: string) => join(folder, name);
  const [base, child, work] = [named("base3.vhdx"), named("child3.vhdx"), named("work.vhdx")];
  // A chain of its own, whose child is merged.
  const [below, above] = [named("below.vhdx"), named("above.vhdx")];
  await makeWork(work, below, above);
  const target = named("target.vhdx");
  const removed = async (run: () => Promise<{ close(): void } | unknown>) => {
    const made = await run();
    if (made !== undefined && made !== null && typeof made === "object" && "close" in made) {
      (made as { close(): void }).close();
    }
    Deno.removeSync(target);
  };
  const writer = async (
    path: string,
    run: (disk: Awaited<ReturnType<typeof openVirtualDisk>>) => Promise<unknown>,
  ) => {
    using disk = await openVirtualDisk(path, { readOnly: false });
    await run(disk);
  };
  const all: Cancelled[] = [
    {
      name: "create, preallocated",
      run: (options) =>
        removed(() =>
          createVirtualDisk(target, {
            ...options,
            size: SIZE,
            subtype: "fixed",
            preallocate: true,
          })
        ),
    },
    {
      name: "convert",
      run: (options) => removed(() => convertVirtualDisk(child, target, options)),
    },
    {
      name: "compact",
      run: (options) =>
        writer(work, async (disk) => {
          disk.writeSync(new Uint8Array(MIB), MIB);
          await disk.compact(options);
        }),
    },
    {
      name: "resize",
      run: (options) =>
        writer(work, async (disk) => {
          await disk.resize(disk.size === SIZE ? 2 * SIZE : SIZE, {
            ...options,
            allowUnsafe: true,
          });
        }),
    },
    { name: "merge", run: (options) => writer(above, (disk) => disk.merge(options)) },
    {
      name: "merge into",
      run: (options) =>
        removed(() => writer(above, (disk) => disk.merge({ ...options, into: target }))),
    },
    { name: "check", run: (options) => checkVirtualDisk(base, options) },
    {
      name: "check and repair",
      run: (options) => checkVirtualDisk(work, { ...options, repair: true }),
    },
    {
      name: "free space",
      run: async (options) => {
        using disk = await openVirtualDisk(base);
        await disk.freeSpace(options);
      },
    },
    {
      name: "compare",
      run: (options) => Array.fromAsync(compareVirtualDisks(base, child, options)),
    },
    { name: "find chains", run: (options) => findVirtualDiskChains([folder], options) },
    {
      name: "stream",
      run: async ({ signal }) => {
        using disk = await openVirtualDisk(child);
        for await (const _ of disk.readable({ signal })) await Promise.resolve();
      },
    },
    {
      name: "stream of an image",
      run: async (options) => {
        using disk = await openVirtualDisk(child);
        const { readable } = await disk.imageStream({ ...options, type: "vhd" });
        for await (const _ of readable) await Promise.resolve();
      },
    },
  ];
  const expected = await contents(above);
  return {
    rounds: count,
    async round(number) {
      const { name, run } = all[number % all.length]!;
      const isCancelled = await cancelled(run, random.below(MOMENTS));
      return `${name}${isCancelled ? "" : " (done before)"}`;
    },
    // Whatever was cancelled has changed nothing.
    async end() {
      assertBytesEqual(await contents(above), expected, "the merged child");
      for (const path of [work, below, above]) {
        const { sound, findings } = await checkVirtualDisk(path);
        if (!sound) throw new Error(`${path} is not sound: ${JSON.stringify(findings)}`);
      }
    },
  };
};

/** Whether it was cancelled before its end. */
async function cancelled(run: Cancelled["run"], moment: number): Promise<boolean> {
  const controller = new AbortController();
  const reason = new Error("cancelled");
  let moments = 0;
  const cancel = () => {
    if (moments++ === moment) controller.abort(reason);
  };
  // What reports nothing is cancelled by the clock.
  const timer = setTimeout(() => controller.abort(reason), 1 + moment);
  try {
    cancel();
    await run({ signal: controller.signal, onProgress: cancel });
    return false;
  } catch (error) {
    if (error === reason) return true;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function makeWork(work: string, below: string, above: string): Promise<void> {
  const options = { size: SIZE, blockSize: MIB };
  for (const path of [work, below]) {
    using disk = await createVirtualDisk(path, options);
    disk.writeSync(pattern(SIZE), 0);
  }
  using disk = await createVirtualDisk(above, { parent: below, blockSize: MIB });
  disk.writeSync(pattern(MIB + 4096, 9), MIB / 2);
}

async function contents(path: string): Promise<Uint8Array<ArrayBuffer>> {
  using disk = await openVirtualDisk(path);
  const bytes = new Uint8Array(disk.size);
  disk.readSync(bytes, 0);
  return bytes;
}
