/** Operations that fail, each for one of the reasons that there are, again and again. */
import { join } from "@std/path";
import {
  createVirtualDisk,
  type ErrorSymbol,
  openVirtualDisk,
  openVirtualDiskSync,
  type PortableVirtualDisk,
  rebaseVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk/portable";
import { pattern } from "../../support.ts";
import { makeImages, SIZE } from "./images.ts";
import type { Phase } from "./phase.ts";

const MIB = 2 ** 20;

/** What fails. */
interface Failing {
  readonly name: string;
  readonly symbol: ErrorSymbol | "NotCapable";
  run(number: number): unknown;
}

/** Reads all of the disk. */
function readAll(disk: PortableVirtualDisk): void {
  using open = disk;
  const buffer = new Uint8Array(MIB);
  for (let offset = 0; offset < open.size; offset += MIB) open.readSync(buffer, offset);
}

/** Where images are damaged: the bytes from an offset on, or from the end if it is negative. */
const DAMAGES = {
  vhd: {
    "footers": [[0, 1024], [-512, 512]],
    "sparse header": [[512, 1024]],
    "block table": [[1536, 512]],
  },
  vhdx: {
    "file identifier": [[0, 8]],
    "headers": [[0x10000, 4096], [0x20000, 4096]],
    "region tables": [[0x30000, 4096], [0x40000, 4096]],
    "metadata table": [[0x200000, 64]],
    "metadata items": [[0x210000, 4096]],
    "block table": [[0x300000, 64]],
  },
} as const;

/** Each kind of failure so often as is asked for. */
export const failures: Phase = async ({ folder, count }) => {
  const images = await makeImages(folder);
  const named = (name: string) => join(folder, name);
  const [vhd, vhdx] = [named("base1.vhd"), named("base3.vhdx")];
  // A refused lock is tried again for 50 ms: here nobody gives it back.
  Object.assign(Atomics, { wait: () => "timed-out" });
  const damaged = makeDamaged(folder, { vhd, vhdx });
  const stranger = named("stranger.vhdx");
  (await createVirtualDisk(stranger, { size: SIZE, blockSize: MIB })).close();
  const orphan = named("orphan.vhdx");
  {
    const parent = named("parent.vhdx");
    (await createVirtualDisk(parent, { size: SIZE, blockSize: MIB })).close();
    (await createVirtualDisk(orphan, { parent, blockSize: MIB })).close();
    Deno.removeSync(parent);
  }
  const denied = named("denied");
  denyFolder(denied);
  const locked = named("locked.vhdx");
  Deno.copyFileSync(vhdx, locked);
  // It stays open as long as the process.
  openVirtualDiskSync(locked, { readOnly: false });
  const all: Failing[] = [
    {
      name: "not found",
      symbol: "ERROR_FILE_NOT_FOUND",
      run: () => openVirtualDisk(named("none.vhd")),
    },
    {
      name: "a folder that is not there",
      symbol: "ERROR_PATH_NOT_FOUND",
      run: () => openVirtualDiskSync(join(folder, "none", "none.vhd")),
    },
    { name: "a folder", symbol: "ERROR_ACCESS_DENIED", run: () => openVirtualDisk(folder) },
    {
      name: "no permission to read",
      symbol: "NotCapable",
      run: () => openVirtualDisk(join(denied, "a.vhd")),
    },
    {
      name: "no permission to create",
      symbol: "NotCapable",
      run: () => createVirtualDisk(join(denied, "new.vhd"), { size: SIZE }),
    },
    {
      name: "locked",
      symbol: "ERROR_SHARING_VIOLATION",
      run: () => openVirtualDisk(locked, { readOnly: false }),
    },
    {
      name: "locked parent",
      symbol: "ERROR_SHARING_VIOLATION",
      run: () => createVirtualDisk(named("new.vhdx"), { parent: locked }),
    },
    {
      name: "parent missing",
      symbol: "ERROR_VHD_PARENT_VHD_NOT_FOUND",
      run: (number) => number % 2 ? openVirtualDiskSync(orphan) : openVirtualDisk(orphan),
    },
    {
      name: "wrong parent",
      symbol: "ERROR_VHD_CHILD_PARENT_ID_MISMATCH",
      run: () => rebaseVirtualDisk(orphan, { parent: stranger }),
    },
    {
      name: "name taken",
      symbol: "ERROR_FILE_EXISTS",
      run: () => createVirtualDisk(vhd, { size: SIZE }),
    },
    {
      name: "opened for reading",
      symbol: "ERROR_ACCESS_DENIED",
      run: (number) => {
        using disk = openVirtualDiskSync(images[number % images.length]!.path);
        disk.writeSync(new Uint8Array(1), 0);
      },
    },
    {
      name: "written though a parent",
      symbol: "ERROR_VHD_INVALID_STATE",
      run: () => {
        using disk = openVirtualDiskSync(vhdx, { readOnly: false });
        disk.writeSync(new Uint8Array(1), 0);
      },
    },
    ...damaged.map(({ name, path }): Failing => ({
      name: `corrupt: ${name}`,
      symbol: "ERROR_FILE_CORRUPT",
      run: async (number) =>
        readAll(number % 2 ? openVirtualDiskSync(path) : await openVirtualDisk(path)),
    })),
    ...injected(named("target.vhdx"), vhdx),
  ];
  return {
    rounds: count * all.length,
    async round(number) {
      const { name, symbol, run } = all[number % all.length]!;
      const found = await symbolOf(() => run(Math.floor(number / all.length)));
      const isExpected = found === symbol ||
        // Each structure has its own code.
        symbol === "ERROR_FILE_CORRUPT" && found?.startsWith("ERROR_VHD_") === true;
      if (!isExpected) throw new Error(`${name}: ${found}, not ${symbol}`);
      return name;
    },
  };
};

async function symbolOf(run: () => unknown): Promise<string | undefined> {
  try {
    await run();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return "NotCapable";
    if (error instanceof VirtualDiskError) return error.symbol;
    throw error;
  }
}

/** Copies that are damaged, each in one structure. */
function makeDamaged(
  folder: string,
  sources: Readonly<Record<"vhd" | "vhdx", string>>,
): { readonly name: string; readonly path: string }[] {
  return (["vhd", "vhdx"] as const).flatMap((type) =>
    Object.entries(DAMAGES[type]).map(([structure, places]) => {
      const path = join(folder, `damaged ${structure}.${type}`);
      Deno.copyFileSync(sources[type], path);
      using file = Deno.openSync(path, { read: true, write: true });
      const { size } = file.statSync();
      for (const [offset, length] of places) {
        file.seekSync(offset < 0 ? size + offset : offset, Deno.SeekMode.Start);
        file.writeSync(pattern(length, 77));
      }
      return { name: `${type}, ${structure}`, path };
    })
  );
}

/** Those for which the system itself is made to fail, as a full or a failing disk does. */
function injected(target: string, source: string): Failing[] {
  const failing = (
    name: string,
    symbol: ErrorSymbol,
    fault: { readonly method: FileMethod; readonly code: string },
    run: () => Promise<unknown>,
  ): Failing => ({
    name,
    symbol,
    async run(number) {
      using _ = new FaultyFiles(fault.method, fault.code, number % 7);
      await run();
    },
  });
  const create = async () => {
    using disk = await createVirtualDisk(target, { source });
    disk.flushSync();
  };
  const copy = `${target}.copy.vhdx`;
  let writes = 0;
  const write = async () => {
    // What a failure leaves opens again, and the next one goes on with it: a copy takes longer than all the rest.
    if (writes++ % WRITES === 0) Deno.copyFileSync(source, copy);
    using disk = await openVirtualDisk(copy, { readOnly: false, ignoreChildren: true });
    for (let offset = 0; offset < SIZE; offset += MIB / 4) {
      disk.writeSync(pattern(4096, 3), offset);
      disk.flushSync();
    }
  };
  return [
    failing(
      "full disk, creating",
      "ERROR_DISK_FULL",
      { method: "writeSync", code: "ENOSPC" },
      create,
    ),
    failing(
      "full disk, writing",
      "ERROR_DISK_FULL",
      { method: "writeSync", code: "ENOSPC" },
      write,
    ),
    failing(
      "failing disk, creating",
      "ERROR_IO_DEVICE",
      { method: "writeSync", code: "EIO" },
      create,
    ),
    failing(
      "failing disk, writing",
      "ERROR_IO_DEVICE",
      { method: "writeSync", code: "EIO" },
      write,
    ),
    failing(
      "failing disk, flushing",
      "ERROR_IO_DEVICE",
      { method: "syncDataSync", code: "EIO" },
      write,
    ),
    failing(
      "failing disk, reading",
      "ERROR_IO_DEVICE",
      { method: "readSync", code: "EIO" },
      create,
    ),
  ];
}

/** So often a copy is written to. */
const WRITES = 10;

type FileMethod = "readSync" | "writeSync" | "syncDataSync";

/** All files of this process fail after so many calls, as long as the scope lasts. */
class FaultyFiles implements Disposable {
  readonly #restore: () => void;

  constructor(method: FileMethod, code: string, after: number) {
    const { prototype } = Deno.FsFile;
    const original = prototype[method] as (...args: unknown[]) => unknown;
    this.#restore = () => Object.assign(prototype, { [method]: original });
    let calls = 0;
    Object.assign(prototype, {
      [method](this: Deno.FsFile, ...args: unknown[]) {
        if (calls++ < after) return original.apply(this, args);
        throw Object.assign(new Error(`injected ${code}`), { code });
      },
    });
  }

  [Symbol.dispose](): void {
    this.#restore();
  }
}

/** Deno refuses a folder to this process; a flag would refuse it `/proc`, too, by which is told what is left. */
function denyFolder(folder: string): void {
  for (const name of ["openSync", "statSync", "lstatSync", "realPathSync"] as const) {
    const original = Deno[name] as (path: string, ...args: unknown[]) => unknown;
    Object.assign(Deno, {
      [name]: (path: string, ...args: unknown[]) => {
        if (!String(path).startsWith(folder)) return original(path, ...args);
        throw new Deno.errors.NotCapable(`Requires read access to "${path}"`);
      },
    });
  }
}
