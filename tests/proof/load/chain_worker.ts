/** A worker that reads a chain, writes a child of it, or would write what others read, until it is terminated. */
import { Buffer } from "node:buffer";
import { convertVirtualDisk, openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk/portable";
import { pattern } from "../../support.ts";

/** What a worker has to do. */
export interface Order {
  readonly role: "read" | "write" | "intrude" | "convert" | "compact";
  readonly path: string;
  /** What the disk holds. */
  readonly expected: Uint8Array;
  /** Of this worker alone. */
  readonly target: string;
}

/** What a worker is told that is in the middle of it and waits: that all others are, too. */
export const GO_ON = "go on";

/** What a worker says: that it is in the middle of it, or what went wrong. */
export type Report = { readonly kind: "working" } | {
  readonly kind: "fault";
  readonly text: string;
};

const PIECE = 64 * 2 ** 10;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Order | typeof GO_ON>) => void;
  postMessage(report: Report): void;
};

/**
 * Goes on until the end of the worker.
 *
 * @param working Is told after each piece of work; the first time it lets the worker wait.
 */
async function work(
  { role, path, expected, target }: Order,
  working: () => Promise<void>,
): Promise<never> {
  if (role === "read") {
    using disk = await openVirtualDisk(path);
    for (let offset = 0;; offset = (offset + PIECE) % disk.size) {
      const bytes = new Uint8Array(Math.min(PIECE, disk.size - offset));
      await disk.read(bytes, offset);
      if (Buffer.compare(bytes, expected.subarray(offset, offset + bytes.length)) !== 0) {
        throw new Error(`what was read at ${offset} is wrong`);
      }
      await working();
    }
  }
  if (role === "write") {
    using disk = await openVirtualDisk(target, { readOnly: false });
    for (let version = 1;; version++) {
      await disk.write(pattern(PIECE, version % 200), (version * PIECE) % disk.size);
      if (version % 8 === 0) await disk.flush();
      await working();
    }
  }
  if (role === "compact") {
    using disk = await openVirtualDisk(target, { readOnly: false });
    for (;;) {
      disk.zeroSync(0, disk.size / 2);
      await disk.compact();
      disk.writeSync(pattern(disk.size / 2), 0);
      await working();
    }
  }
  for (;;) {
    if (role === "convert") {
      await convertVirtualDisk(path, target);
      Deno.removeSync(target);
    } else await assertLocked(path);
    await working();
  }
}

/** Somebody reads it: nobody can write to it. */
async function assertLocked(path: string): Promise<void> {
  try {
    (await openVirtualDisk(path, { readOnly: false })).close();
  } catch (error) {
    if (error instanceof VirtualDiskError && error.symbol === "ERROR_SHARING_VIOLATION") return;
    throw error;
  }
  throw new Error("it was opened for writing while others read it");
}

const goOn = Promise.withResolvers<void>();

scope.onmessage = async ({ data }) => {
  if (data === GO_ON) return goOn.resolve();
  let isWorking = false;
  try {
    await work(data, async () => {
      if (isWorking) return;
      isWorking = true;
      scope.postMessage({ kind: "working" });
      // Those that work would keep the others from starting, all the longer the more there are.
      await goOn.promise;
    });
  } catch (error) {
    scope.postMessage({ kind: "fault", text: `${data.role}: ${error}` });
  }
};
