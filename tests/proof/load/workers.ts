/** Many workers on one chain, all of which are terminated in the middle of what they do. */
import { join } from "@std/path";
import { checkVirtualDisk, createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk/portable";
import { Random } from "../../fuzz/random.ts";
import { assertBytesEqual } from "../../support.ts";
import { GO_ON, type Order, type Report } from "./chain_worker.ts";
import { openFiles } from "./footprint.ts";
import { makeLongChain } from "./images.ts";
import type { Phase } from "./phase.ts";

const MIB = 2 ** 20;
/** So many at once. */
const WORKERS = 64;
const CHAIN = 4;
/** How long the system may take to close what a thread had open that is no more, in milliseconds. */
const PATIENCE = 20_000;

/** For up to so many milliseconds all work at the same time. */
const TOGETHER = 400;

/** In each round all workers begin, work at the same time, and are terminated. */
export const workers: Phase = async ({ folder, count, seed }) => {
  const random = new Random(seed);
  const chain = await makeLongChain(folder, CHAIN);
  const leaf = chain.at(-1)!;
  const expected = await contents(leaf);
  const many = Math.max(5, Math.min(WORKERS, count));
  return {
    // What the first round takes, a process keeps.
    rounds: many === WORKERS ? 5 : 2,
    async round() {
      const faults: string[] = [];
      const all: Worker[] = [];
      const orders: Order[] = [];
      for (let i = 0; i < many; i++) orders.push(await orderOf(i, folder, leaf, expected));
      try {
        const start = (isIntruder: boolean) =>
          Promise.all(
            orders.filter(({ role }) => (role === "intrude") === isIntruder)
              .map((order) => begin(order, all, faults)),
          );
        // Nobody intrudes where nobody is.
        await start(false);
        await start(true);
        for (const worker of all) worker.postMessage(GO_ON);
        await new Promise((resolve) => setTimeout(resolve, random.below(TOGETHER)));
      } finally {
        for (const worker of all) worker.terminate();
      }
      await closed(folder);
      if (faults.length > 0) throw new Error(faults.join("; "));
      await assertFree(leaf, expected);
      for (const { role, target } of orders) {
        if (role === "read" || role === "intrude") continue;
        await assertSound(target);
      }
      assertAbandoned(folder);
      return `${many} workers at once, terminated`;
    },
  };
};

/**
 * What was being converted has been removed by who wrote in the folder next; on a volume whose locks others may not see,
 * as one without a block device, it stays for a week, and nobody has it locked.
 */
function assertAbandoned(folder: string): void {
  const isSeen = Math.floor(Deno.statSync(folder).dev / 256) % 4096 !== 0;
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".tmp")) continue;
    if (isSeen) throw new Error(`${name} is left`);
    using file = Deno.openSync(join(folder, name));
    if (!file.tryLockSync(true)) throw new Error(`${name} is still locked`);
    Deno.removeSync(join(folder, name));
  }
}

/** One writes, others convert, compact, or would write; all the others read. */
async function orderOf(
  number: number,
  folder: string,
  path: string,
  expected: Uint8Array,
): Promise<Order> {
  const role = (["write", "intrude", "convert", "compact"] as const)[number] ?? "read";
  const target = join(folder, `${role}${number}.vhdx`);
  if (role === "write" || role === "compact") {
    (await createVirtualDisk(target, { parent: path, blockSize: MIB, overwrite: true })).close();
  }
  return { role, path, expected, target };
}

/** Returns when the worker is in the middle of it. */
async function begin(order: Order, all: Worker[], faults: string[]): Promise<void> {
  const worker = new Worker(new URL("./chain_worker.ts", import.meta.url), { type: "module" });
  all.push(worker);
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = ({ data }: MessageEvent<Report>) => {
    if (data.kind === "fault") faults.push(data.text);
    resolve();
  };
  worker.onerror = (event) => {
    event.preventDefault();
    faults.push(`${order.role}: ${event.message}`);
    resolve();
  };
  worker.postMessage(order);
  await promise;
}

/** What the workers had open in the folder is closed. */
async function closed(folder: string): Promise<void> {
  const left = () => openFiles(folder);
  const end = Date.now() + PATIENCE;
  while (left().length > 0) {
    if (Date.now() > end) throw new Error(`these are open: ${left().join(", ")}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Nobody has it locked any more, and it holds what it did. */
async function assertFree(path: string, expected: Uint8Array): Promise<void> {
  using disk = await openVirtualDisk(path, { readOnly: false });
  const bytes = new Uint8Array(disk.size);
  disk.readSync(bytes, 0);
  assertBytesEqual(bytes, expected, path);
}

/** What a worker wrote to opens, and has no fault then; a conversion is whole, or not there. */
async function assertSound(path: string): Promise<void> {
  try {
    (await openVirtualDisk(path, { readOnly: false })).close();
  } catch (error) {
    if (path.includes("convert") && String(error).includes("ERROR_FILE_NOT_FOUND")) return;
    throw error;
  }
  const { sound, findings } = await checkVirtualDisk(path);
  if (!sound) throw new Error(`${path} is not sound: ${JSON.stringify(findings)}`);
  await Deno.remove(path);
}

async function contents(path: string): Promise<Uint8Array> {
  using disk = await openVirtualDisk(path);
  const bytes = new Uint8Array(disk.size);
  disk.readSync(bytes, 0);
  return bytes;
}
