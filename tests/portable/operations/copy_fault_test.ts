/** Every write, truncate and flush of a copy fails once: a clear error, and no file. */
import { assertEquals, assertGreater, assertInstanceOf } from "@std/assert";
import { type CreateOptions, createVirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { pattern, TempDir } from "../../support.ts";
import { explored } from "../../sampling.ts";

const MIB = 1 << 20;

/** The errors of the operating system, and the codes that Windows has for them. */
const FAULTS: [name: string, symbol: string][] = [
  ["ENOSPC", "ERROR_DISK_FULL"],
  ["EIO", "ERROR_IO_DEVICE"],
  ["EACCES", "ERROR_ACCESS_DENIED"],
];

const CHANGES = ["writeSync", "write", "truncateSync", "syncDataSync", "syncData"] as const;

/** Lets the file functions fail from one of their calls on. */
class FailingFiles implements Disposable {
  readonly #originals = CHANGES.map((name) => Deno.FsFile.prototype[name]);

  constructor(failAt: number, code: string) {
    let calls = 0;
    for (const [i, name] of CHANGES.entries()) {
      const original = this.#originals[i] as (...args: unknown[]) => unknown;
      const failing = function (this: Deno.FsFile, ...args: unknown[]): unknown {
        if (calls++ >= failAt) throw Object.assign(new Error("injected"), { code });
        return original.apply(this, args);
      };
      Object.assign(Deno.FsFile.prototype, { [name]: failing });
    }
  }

  [Symbol.dispose](): void {
    for (const [i, name] of CHANGES.entries()) {
      Object.assign(Deno.FsFile.prototype, { [name]: this.#originals[i] });
    }
  }
}

const COPIES: Record<string, CreateOptions> = {
  "fixed VHD": { type: "vhd", subtype: "fixed" },
  "dynamic VHD": { type: "vhd", blockSize: MIB / 2 },
  "fixed VHDX": { type: "vhdx", subtype: "fixed" },
  "dynamic VHDX": { type: "vhdx", blockSize: MIB },
  "raw disk": { type: "raw" },
};

for (const [name, options] of Object.entries(COPIES)) {
  Deno.test(`createVirtualDisk(): a fault at any write of a copy as a ${name} is an error and leaves no file`, async () => {
    using dir = new TempDir();
    using target = new TempDir();
    Deno.writeFileSync(dir.file("disk.raw"), pattern(3 * MIB));
    const wanted = { ...options, source: dir.file("disk.raw"), backend: "portable" } as const;
    const copy = () => createVirtualDisk(target.file("copy"), { ...wanted, sourceType: "raw" });
    let faults = 0;
    for (const [code, symbol] of FAULTS) {
      for (let failAt = 0;; failAt++) {
        if (await isCreated(copy, failAt, code, symbol)) {
          assertEquals([...Deno.readDirSync(target.path)].map((entry) => entry.name), ["copy"]);
          Deno.removeSync(target.file("copy"));
          break;
        }
        assertEquals([...Deno.readDirSync(target.path)], [], `${code} at call ${failAt}`);
        faults++;
      }
    }
    explored(`${name}`, { faults });
    assertGreater(faults, 3 * FAULTS.length);
  });
}

/** Whether the copy comes about although all calls from `failAt` on fail. */
async function isCreated(
  copy: () => Promise<Disposable>,
  failAt: number,
  code: string,
  symbol: string,
): Promise<boolean> {
  const files = new FailingFiles(failAt, code);
  let disk: Disposable;
  try {
    disk = await copy();
  } catch (error) {
    assertInstanceOf(error, VirtualDiskError);
    assertEquals([error.symbol, error.operation], [symbol, "CreateVirtualDisk"]);
    return false;
  } finally {
    files[Symbol.dispose]();
  }
  disk[Symbol.dispose]();
  return true;
}
