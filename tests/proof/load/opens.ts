/** Images that are opened, read and closed, again and again; and many that are open at once. */
import { openVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk/portable";
import { assertBytesEqual, pattern } from "../../support.ts";
import { openFiles } from "./footprint.ts";
import { makeImages } from "./images.ts";
import type { Phase } from "./phase.ts";

const LENGTH = 4096;

/** One image after the other, in each way. */
export const opens: Phase = async ({ folder, count }) => {
  const images = await makeImages(folder);
  const buffer = new Uint8Array(LENGTH);
  const expected = pattern(LENGTH);
  return {
    rounds: count,
    async round(number) {
      const { path, type } = images[number % images.length]!;
      // What is a parent is written by nobody.
      const way = ["sync", "async", "information", "writer"][Math.floor(number / 6) % 4]!;
      if (way === "information") {
        using disk = openVirtualDiskSync(path, { getInfoOnly: true });
        disk.information();
        return `${type}, ${way}`;
      }
      const readOnly = way !== "writer";
      using disk = way === "sync"
        ? openVirtualDiskSync(path)
        : await openVirtualDisk(path, { readOnly });
      disk.readSync(buffer, 0);
      assertBytesEqual(buffer, expected, path);
      return `${type}, ${way}`;
    },
  };
};

/** So many are open at once. */
const DISKS = 256;

/** Many open at once, all read, all closed. */
export const manyDisks: Phase = async ({ folder, count }) => {
  const images = await makeImages(folder);
  const disks = Math.max(2, Math.min(DISKS, count));
  const buffer = new Uint8Array(LENGTH);
  const expected = pattern(LENGTH);
  return {
    rounds: 10,
    async round() {
      using stack = new DisposableStack();
      const before = openFiles(folder).length;
      let files = 0;
      for (let i = 0; i < disks; i++) {
        const disk = stack.use(await openVirtualDisk(images[i % images.length]!.path));
        files += 1 + disk.parents.length;
        disk.readSync(buffer, 0);
        assertBytesEqual(buffer, expected, disk.path);
      }
      const open = openFiles(folder).length - before;
      if (open !== files) throw new Error(`${disks} disks have ${open} files open, not ${files}`);
      return `${disks} disks at once`;
    },
  };
};

/** Whatever is opened stays open: what the others must not do. */
export const forgotten: Phase = async ({ folder, count }) => {
  const images = await makeImages(folder);
  const kept: unknown[] = [];
  return {
    rounds: count,
    round(number) {
      kept.push(openVirtualDiskSync(images[number % images.length]!.path));
      return "opened";
    },
  };
};
