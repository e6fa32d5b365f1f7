import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { lockFile } from "../../../src/portable/file/file_locks.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { createImage } from "../../create_image.ts";
import { TempDir } from "../../support.ts";

/** Another thread locks the file that it is told of, for so many milliseconds. */
const HOLDER = `
self.onmessage = ({ data: [path, milliseconds] }) => {
  const file = Deno.openSync(path, { write: true });
  file.lockSync(true);
  self.postMessage("locked");
  setTimeout(() => {
    file.close();
    self.postMessage("closed");
  }, milliseconds);
};`;

/** Runs `work` while the lock is held, and ends when it is not any more. */
async function whileLocked(path: string, milliseconds: number, work: () => Promise<void>) {
  const url = URL.createObjectURL(new Blob([HOLDER], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const next = () => new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  worker.postMessage([path, milliseconds]);
  assertEquals(await next(), "locked");
  const closed = next();
  try {
    await work();
  } finally {
    await closed;
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

Deno.test("an image that is locked for a moment opens, and one that stays locked does not", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 << 20 })).close();
  await whileLocked(path, 5, async () => {
    (await openVirtualDisk(path, { backend: "portable" })).close();
  });
  await whileLocked(path, 1000, async () => {
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
