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

/** What a worker says: that it is in the middle of it, or what went wrong. */
export type Report = { readonly kind: "working" } | {
  readonly kind: "fault";
  readonly text: string;
};

const PIECE = 64 * 2 ** 10;

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Order>) => void;
  postMessage(report: Report): void;
};

/** Goes on until the end of the worker. */
async function work({ role, path, expected, target }: Order, working: () => void): Promise<never> {
  if (role === "read") {
    using disk = await openVirtualDisk(path);
    for (let offset = 0;; offset = (offset + PIECE) % disk.size) {
      const bytes = new Uint8Array(Math.min(PIECE, disk.size - offset));
      await disk.read(bytes, offset);
      if (Buffer.compare(bytes, expected.subarray(offset, offset + bytes.length)) !== 0) {
        throw new Error(`what was read at ${offset} is wrong`);
      }
      working();
      await aMoment();
    }
  }
  if (role === "write") {
    using disk = await openVirtualDisk(target, { readOnly: false });
    for (let version = 1;; version++) {
      await disk.write(pattern(PIECE, version % 200), (version * PIECE) % disk.size);
      if (version % 8 === 0) await disk.flush();
      working();
    }
  }
  if (role === "compact") {
    using disk = await openVirtualDisk(target, { readOnly: false });
    for (;;) {
      disk.zeroSync(0, disk.size / 2);
      await disk.compact();
      disk.writeSync(pattern(disk.size / 2), 0);
      working();
    }
  }
  for (;;) {
    if (role === "convert") {
      await convertVirtualDisk(path, target);
      Deno.removeSync(target);
    } else {
      await assertLocked(path);
      await aMoment();
    }
    working();
  }
}

/** Many readers would keep the processors from those that begin. */
function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
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

scope.onmessage = async ({ data }) => {
  let isWorking = false;
  try {
    await work(data, () => {
      if (!isWorking) scope.postMessage({ kind: "working" });
      isWorking = true;
    });
  } catch (error) {
    scope.postMessage({ kind: "fault", text: `${data.role}: ${error}` });
  }
};
