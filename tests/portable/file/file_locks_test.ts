import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openVirtualDisk, openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { lockFile, unlockFile } from "../../../src/portable/file/file_locks.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { createImage } from "../../create_image.ts";
import { onlyOn, TempDir, testWith } from "../../support.ts";

/** Another thread locks the file that it is told of, until it is told something else. */
const HOLDER = `
self.onmessage = ({ data: path }) => {
  const file = Deno.openSync(path, { write: true });
  file.lockSync(true);
  self.onmessage = () => {
    file.close();
    self.postMessage("closed");
  };
  self.postMessage("locked");
};`;

/** Runs `work` while the lock is held, and ends when it is not any more. */
async function whileLocked(path: string, work: () => Promise<void>) {
  const url = URL.createObjectURL(new Blob([HOLDER], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const next = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  worker.postMessage(path);
  assertEquals(await next(), "locked");
  try {
    await work();
  } finally {
    const closed = next();
    worker.postMessage("close it");
    await closed;
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

/** Calls back when `work` first waits, as a clock would that no load makes late; gives how often it waited. */
async function atFirstPause(release: () => void, work: () => Promise<void>): Promise<number> {
  const { wait } = Atomics;
  let pauses = 0;
  const counted = (...args: [Int32Array, number, number, number?]) => {
    if (++pauses === 1) release();
    return wait(...args);
  };
  Object.assign(Atomics, { wait: counted });
  try {
    await work();
    return pauses;
  } finally {
    Object.assign(Atomics, { wait });
  }
}

Deno.test("an image that is locked for a moment opens, and one that stays locked does not", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 << 20 })).close();
  const holder = Deno.openSync(path, { write: true });
  holder.lockSync(true);
  const release = () => {
    unlockFile(holder);
    holder.close();
  };
  const pauses = await atFirstPause(release, async () => {
    (await openVirtualDisk(path, { backend: "portable" })).close();
  });
  assertEquals(pauses, 1);
  await whileLocked(path, async () => {
    await assertRejects(
      () => openVirtualDisk(path, { backend: "portable" }),
      VirtualDiskError,
      "ERROR_SHARING_VIOLATION",
    );
  });
});

Deno.test("lockFile of a Deno that is too old says which can", () => {
  // As files are before Deno 2.7: with lock() alone, which waits.
  const file = { lockSync() {} } as unknown as Deno.FsFile;
  const error = assertThrows(() => lockFile("disk.vhdx", file, false), ImageError, "Deno 2.7 can");
  assertEquals(error.symbol, "ERROR_NOT_SUPPORTED");
});

/** What `/proc/locks` says while `work` runs, to which so many milliseconds pass at each look at the clock. */
function withLocks(text: string, step: number, work: () => void): { looks: number } {
  const { openSync } = Deno;
  const { now } = performance;
  const seen = { looks: 0 };
  let time = 0;
  performance.now = () => time += step;
  Deno.openSync = (path, options) => {
    if (path !== "/proc/locks") return openSync(path, options);
    seen.looks++;
    const bytes = new TextEncoder().encode(text);
    let done = false;
    const file = {
      readSync: (buffer: Uint8Array) => {
        if (done || bytes.length === 0) return null;
        done = true;
        buffer.set(bytes);
        return bytes.length;
      },
      [Symbol.dispose]() {},
    };
    return file as unknown as Deno.FsFile;
  };
  try {
    work();
  } finally {
    Deno.openSync = openSync;
    performance.now = now;
  }
  return seen;
}

/** A line of a program that writes what it has open, as QEMU locks it. */
function lineOf(ino: number, device: string): string {
  return `1: OFDLCK ADVISORY  READ -1 ${device}:${ino} 101 101\n`;
}

testWith(
  [onlyOn("linux")],
  "readers who open files in one moment look at the locks once, writers each time",
  async () => {
    using dir = new TempDir();
    const paths = ["a", "b", "c"].map((name) => dir.file(`${name}.vhdx`));
    let parent: string | undefined;
    for (const path of paths) {
      const options = parent === undefined ? { size: 8 << 20 } : { parent };
      (await createImage(path, options)).close();
      parent = path;
    }
    const open = (readOnly: boolean) => () =>
      openVirtualDiskSync(paths[2]!, { backend: "portable", readOnly }).close();
    const looks = async (text: string, step: number, work: () => void) => {
      // What was seen before is forgotten.
      await Promise.resolve();
      return withLocks(text, step, work).looks;
    };
    const others = lineOf(1, "00:01");
    assertEquals(await looks(others, 0, open(true)), 1);
    assertEquals(await looks(others, 0, () => [1, 2, 3].forEach(open(true))), 1);
    assertEquals(await looks(others, 2, open(true)), 3);
    // The child is written; its parents are read, after that.
    assertEquals(await looks(others, 0, open(false)), 1);
    assertEquals(await looks(others, 0, () => [1, 2].forEach(open(false))), 2);
    // A file of that number somewhere: each is looked at for itself, and is not that one.
    const { ino } = Deno.statSync(paths[0]!);
    assertEquals(await looks(lineOf(ino!, "ff:fff"), 0, open(true)), 2);
  },
);

testWith([onlyOn("linux")], "what runs later looks at the locks anew", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 << 20 })).close();
  const open = () => openVirtualDiskSync(path, { backend: "portable" }).close();
  await Promise.resolve();
  withLocks("", 0, open);
  await Promise.resolve();
  const { dev, ino } = Deno.statSync(path);
  const [major, minor] = [(dev >> 8) & 0xfff, dev & 0xff].map((each) =>
    each.toString(16).padStart(2, "0")
  );
  const text = lineOf(ino!, `${major}:${minor}`);
  const refused = () => assertThrows(open, VirtualDiskError, "ERROR_SHARING_VIOLATION");
  withLocks(text, 0, refused);
  // One who was refused looks again, and may find the other gone.
  withLocks(text, 0, () => {
    refused();
    withLocks("", 0, open);
  });
});
