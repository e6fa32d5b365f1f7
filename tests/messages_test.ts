/**
 * What people are told who meet one of the 25 things that go wrong most, by the API and on the command line:
 * each condition is made for real, and the message must say what helps there, and nothing that does not.
 * Those that only Windows knows are in `native/messages_test.ts`.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  attachedVirtualDisks,
  createVirtualDisk,
  openVirtualDisk,
  openVirtualDiskSync,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { crc32c } from "../src/bytes/crc32c.ts";
import { ordinaryUser, runCliAsUser } from "./cli/as_user.ts";
import { runLimited } from "./cli/limited_files.ts";
import { CLI_ARGS, runCli } from "./cli/run_cli.ts";
import { createImage } from "./create_image.ts";
import { dirtyVhdx, putEntries } from "./portable/vhdx/log_builder.ts";
import { denoCommand } from "./deno_command.ts";
import { onlyOn, TempDir, testWith } from "./support.ts";

const MIB = 2 ** 20;
const PORTABLE = { backend: "portable" } as const;
const HEADERS = [64 * 1024, 128 * 1024];

/** Nothing of this belongs to a system that is not Windows, nor a name that nobody has given. */
const NOT_HERE =
  /elevated|administrator|SeManage|indexer|Explorer|This Windows|Resize-Partition|\.virtdisk-/;
/** Nothing of this can be typed at a shell. */
const NOT_AT_A_SHELL =
  /\{ \w+|\b[a-z]\w*\(\)|the flag "|`[a-z]+[A-Z]\w*`|\w+VirtualDisk\b|readOnly|\b[a-z]+[A-Z]\w*\b/;

interface Row {
  readonly name: string;
  /** Makes the condition. */
  readonly make?: (dir: TempDir) => unknown;
  /** What a script does; it fails. */
  readonly api?: (dir: TempDir) => unknown;
  /** What is typed; it fails too. */
  readonly cli?: readonly string[];
  /** What both are told. */
  readonly says?: readonly RegExp[];
  readonly apiSays?: readonly RegExp[];
  readonly cliSays?: readonly RegExp[];
  readonly never?: readonly RegExp[];
}

function open(dir: TempDir, name: string, options: Parameters<typeof openVirtualDisk>[1] = {}) {
  return openVirtualDisk(dir.file(name), { ...options, ...PORTABLE });
}

async function create(
  dir: TempDir,
  name: string,
  options: Parameters<typeof createVirtualDisk>[1],
): Promise<void> {
  (await createImage(dir.file(name), options)).close();
}

function patch(dir: TempDir, name: string, offset: number, bytes: Uint8Array): void {
  using file = Deno.openSync(dir.file(name), { write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  file.writeSync(bytes);
}

/** Gives both headers of a VHDX another version, and its checksum. */
function setVersion(dir: TempDir, name: string, version: number): void {
  const bytes = Deno.readFileSync(dir.file(name));
  for (const offset of HEADERS) {
    const header = bytes.slice(offset, offset + 4096);
    const view = new DataView(header.buffer);
    view.setUint16(66, version, true);
    view.setUint32(4, 0, true);
    view.setUint32(4, crc32c(header), true);
    patch(dir, name, offset, header);
  }
}

/** A VHD chain in which the first file has become a child of the last: a VHD keeps its identifier. */
async function makeLoop(dir: TempDir): Promise<void> {
  await create(dir, "one.vhd", { size: 4 * MIB });
  await create(dir, "two.vhd", { parent: dir.file("one.vhd") });
  await create(dir, "three.vhd", { parent: dir.file("two.vhd") });
  const identifier = (name: string) => {
    using disk = openVirtualDiskSync(dir.file(name), { ...PORTABLE, flags: ["no-parents"] });
    return disk.getInformation("identifier");
  };
  using disk = await open(dir, "two.vhd", {
    readOnly: false,
    flags: ["no-parents"],
    ignoreChildren: true,
  });
  disk.setInformation("parentLocator", { linkageId: identifier("three.vhd"), path: "three.vhd" });
}

/** An MBR with one partition from 1 MiB to 6 MiB. */
async function makePartitioned(dir: TempDir): Promise<void> {
  const sector = new Uint8Array(512);
  const view = new DataView(sector.buffer);
  sector[450] = 0x83;
  view.setUint32(454, MIB / 512, true);
  view.setUint32(458, 5 * MIB / 512, true);
  view.setUint16(510, 0xaa55, true);
  using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB });
  disk.writeSync(sector, 0);
}

/** A child whose parent has been written to since. */
async function makeChanged(dir: TempDir): Promise<void> {
  await create(dir, "base.vhdx", { size: 4 * MIB });
  await create(dir, "child.vhdx", { parent: dir.file("base.vhdx") });
  using base = await open(dir, "base.vhdx", { readOnly: false, ignoreChildren: true });
  base.writeSync(Uint8Array.of(1), 0);
}

const ROWS: readonly Row[] = [
  {
    name: "1. a disk is to be attached, which only Windows does",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      await disk.attach();
    },
    cli: ["attach", "disk.vhdx"],
    apiSays: [/Only Windows attaches disks/, /readSync\(\), writeSync\(\), readable\(\)/],
    cliSays: [/only Windows attaches disks/, /virtdisk read/],
    never: [/backend: "native"/, /on Windows\.$/],
  },
  {
    name: "2. which device or drive letter it is",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      disk.physicalPath();
    },
    apiSays: [/Only Windows attaches disks: here none has a device/],
  },
  {
    name: "2. which disks are attached",
    api: () => attachedVirtualDisks(),
    cli: ["attached"],
    says: [/only Windows attaches/],
  },
  {
    name: "3. writing to a disk that was opened by default",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      disk.writeSync(new Uint8Array(512), 0);
    },
    apiSays: [/the disk is open for reading only/, /open it with \{ readOnly: false \}/],
    never: [/attached/, /metaops/, /rwDepth/, /permissions/],
  },
  ...(["compact", "resize", "metadata", "merge", "check"] as const).map((operation): Row => ({
    name: `3. ${operation} of a disk that was opened by default`,
    make: (dir) => makeChildOf(dir),
    api: async (dir) => {
      using disk = await open(dir, "child.vhdx");
      if (operation === "compact") await disk.compact();
      if (operation === "resize") await disk.resize(8 * MIB);
      if (operation === "merge") await disk.merge();
      if (operation === "check") await disk.check({ repair: true });
      if (operation === "metadata") disk.metadata.set(crypto.randomUUID(), new Uint8Array(1));
    },
    apiSays: [/open it with \{ readOnly: false \}/],
    never: [/rwDepth/, /metaops/, /This user/],
  })),
  {
    name: "3. reading a disk that was opened for information alone",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { getInfoOnly: true });
      disk.readSync(new Uint8Array(1), 0);
    },
    apiSays: [/opened for information alone/, /open it without \{ getInfoOnly: true \}/],
  },
  {
    name: "3. the path is a folder",
    api: (dir) => open(dir, "."),
    cli: ["map", "."],
    says: [/the path is a folder/, /Name an image file in it/],
    never: [/right to/],
  },
  {
    name: "4. a VHDX that was not closed",
    make: (dir) => {
      const builder = dirtyVhdx();
      putEntries(builder, 0, { sequence: 1n });
      Deno.writeFileSync(dir.file("disk.vhdx"), builder.bytes);
    },
    cli: ["check", "disk.vhdx"],
    cliSays: [
      /changes that are not in their places: the image was not closed/,
      /`virtdisk check --repair`/,
    ],
  },
  {
    name: "5. a sparse file",
    make: (dir) => create(dir, "disk.vhd", { size: 4 * MIB, subtype: "fixed" }),
    cli: ["diagnose", "disk.vhd"],
    cliSays: [/sparse/, /preallocate|cp --sparse=never|fsutil sparse/],
  },
  {
    name: "6. the parent was moved",
    make: async (dir) => {
      await makeChildOf(dir);
      Deno.renameSync(dir.file("base.vhdx"), dir.file("moved.vhdx"));
    },
    api: (dir) => open(dir, "child.vhdx"),
    cli: ["map", "child.vhdx"],
    says: [/the parent is not at ".*base\.vhdx"/, /moved, renamed or deleted/],
    apiSays: [/"no-parents"/, /setInformation\("parentPath", \.\.\.\)/],
    cliSays: [/`virtdisk info --no-parents`/, /`virtdisk rebase CHILD PARENT`/],
    never: [/was not looked for/, /server/],
  },
  {
    name: "6. the parent is on a server, where nobody looks for it unasked",
    make: async (dir) => {
      await makeChildOf(dir);
      using disk = await open(dir, "child.vhdx", { readOnly: false, flags: ["no-parents"] });
      const path = "\\\\server\\share\\base.vhdx";
      disk.setInformation("parentLocator", { linkageId: crypto.randomUUID(), path });
    },
    api: (dir) => open(dir, "child.vhdx"),
    cli: ["map", "child.vhdx"],
    says: [
      /was not looked for at ".*server.*base\.vhdx", which is a network or device path/,
      /with your rights/,
      /mount the share/,
    ],
    apiSays: [/setInformation\("parentPath", \.\.\.\)/, /"custom-diff-chain"/],
    cliSays: [/`virtdisk rebase CHILD PARENT`/],
    never: [/was not found/, /moved, renamed or deleted/],
  },
  {
    name: "6. the parent was changed",
    make: makeChanged,
    api: (dir) => open(dir, "child.vhdx"),
    cli: ["map", "child.vhdx"],
    says: [/another disk, or was changed after the child was made/, /Restore the parent/],
    apiSays: [/\{ ignoreMismatch: true \}/],
    cliSays: [/`virtdisk rebase --ignore-mismatch CHILD PARENT`/],
    never: [/portable backend/],
  },
  {
    name: "6. the parent is damaged",
    make: async (dir) => {
      await makeChildOf(dir);
      for (const offset of HEADERS) patch(dir, "base.vhdx", offset + 100, Uint8Array.of(9));
    },
    api: (dir) => open(dir, "child.vhdx"),
    cli: ["map", "child.vhdx"],
    says: [
      /the parent ".*base\.vhdx" cannot be opened: the file is damaged.*ERROR_FILE_CORRUPT/,
      /Put the parent right first/,
    ],
    cliSays: [/`virtdisk diagnose`/],
    never: [/error\.cause/],
  },
  {
    name: "7. the links of a chain lead round in a circle",
    make: makeLoop,
    api: (dir) => open(dir, "three.vhd"),
    cli: ["map", "three.vhd"],
    says: [
      /"[^"]*three\.vhd": the chain comes back/,
      /three\.vhd" -> ".*two\.vhd" -> ".*three\.vhd"/,
    ],
    apiSays: [/setInformation\("parentPath", \.\.\.\)/],
    cliSays: [/`virtdisk rebase IMAGE PARENT`/],
  },
  {
    name: "8. a file that is not what its extension says",
    make: (dir) => Deno.writeFileSync(dir.file("disk.vhdx"), new Uint8Array(4096).fill(1)),
    api: (dir) => open(dir, "disk.vhdx"),
    cli: ["map", "disk.vhdx"],
    says: [/no signature of a VHD, VHDX or ISO image/, /another format, renamed, or cut off/],
    apiSays: [/\{ type: "raw" \}/],
    cliSays: [/--type raw/],
  },
  {
    name: "8. a raw disk of which nobody says so",
    make: (dir) => Deno.writeFileSync(dir.file("disk.bin"), new Uint8Array(4 * MIB).fill(1)),
    api: (dir) =>
      createVirtualDisk(dir.file("new.vhdx"), { ...PORTABLE, source: dir.file("disk.bin") }),
    cli: ["convert", "disk.bin", "new.vhdx"],
    says: [/A raw disk is never guessed/],
    apiSays: [/\{ sourceType: "raw" \}/],
    cliSays: [/--source-type raw/],
    never: [/Windows 8/],
  },
  {
    name: "8. a new file whose extension says nothing",
    api: (dir) => createVirtualDisk(dir.file("new.xyz"), { ...PORTABLE, size: 4 * MIB }),
    cli: ["create", "--size", "4MiB", "new.xyz"],
    says: [/the extension must be \.vhd, \.vhdx/],
    apiSays: [/\{ type: "vhdx" \}/],
    cliSays: [/--type vhdx/],
  },
  {
    name: "9. a fixed VHD is taken for a raw disk",
    make: (dir) => create(dir, "disk.vhd", { size: 4 * MIB, subtype: "fixed" }),
    api: (dir) =>
      createVirtualDisk(dir.file("new.vhdx"), {
        ...PORTABLE,
        source: dir.file("disk.vhd"),
        sourceType: "raw",
      }),
    cli: ["convert", "--source-type", "raw", "disk.vhd", "new.vhdx"],
    says: [/not the bytes of a disk/],
    apiSays: [/the file says what it is/, /`force`/],
    cliSays: [/the file says what it is/, /--force/],
  },
  {
    name: "10. a VHD that is cut off",
    make: async (dir) => {
      await create(dir, "disk.vhd", { size: 4 * MIB, subtype: "fixed" });
      Deno.truncateSync(dir.file("disk.vhd"), 2 * MIB);
    },
    api: (dir) => open(dir, "disk.vhd"),
    cli: ["map", "disk.vhd"],
    says: [/cut off/],
  },
  {
    name: "10. a VHDX that is cut off",
    make: async (dir) => {
      using disk = await createImage(dir.file("disk.vhdx"), { size: 8 * MIB });
      disk.writeSync(new Uint8Array(8 * MIB).fill(1), 0);
      disk.close();
      Deno.truncateSync(dir.file("disk.vhdx"), Deno.statSync(dir.file("disk.vhdx")).size / 4);
    },
    cli: ["check", "disk.vhdx"],
    cliSays: [/cut off/, /bytes are missing/],
  },
  {
    name: "11. a checksum that does not match",
    make: async (dir) => {
      await create(dir, "disk.vhd", { size: 4 * MIB });
      patch(dir, "disk.vhd", 512 + 100, Uint8Array.of(9));
    },
    api: (dir) => open(dir, "disk.vhd"),
    cli: ["map", "disk.vhd"],
    says: [
      /found 0x[0-9A-F]{8}, expected 0x[0-9A-F]{8}, the checksum of its bytes/,
      /restore the file from a copy/,
    ],
    apiSays: [/checkVirtualDisk\(\)/],
    cliSays: [/`virtdisk check`/],
    never: [/ISO/, /found \d{8}/],
  },
  {
    name: "11. both headers are damaged",
    make: async (dir) => {
      await create(dir, "disk.vhdx", { size: 4 * MIB });
      for (const offset of HEADERS) patch(dir, "disk.vhdx", offset + 100, Uint8Array.of(9));
    },
    api: (dir) => open(dir, "disk.vhdx"),
    cli: ["map", "disk.vhdx"],
    says: [/both are damaged/, /restore the file from a copy/, /data recovery/],
    never: [/ISO/],
  },
  {
    name: "12. a version that is not known",
    make: async (dir) => {
      await create(dir, "disk.vhdx", { size: 4 * MIB });
      setVersion(dir, "disk.vhdx", 7);
    },
    api: (dir) => open(dir, "disk.vhdx"),
    cli: ["map", "disk.vhdx"],
    says: [/version 7/, /open it with the program that made it/],
    never: [/restore/],
  },
  {
    name: "13. an ISO image of odd size",
    make: (dir) => Deno.writeFileSync(dir.file("disc.iso"), new Uint8Array(40001)),
    api: (dir) => open(dir, "disc.iso"),
    cli: ["map", "disc.iso"],
    says: [/40001 bytes/, /a multiple of 2048/, /cut off/],
    never: [/VHDX file is damaged/],
  },
  {
    name: "13. an ISO image is to be written",
    make: (dir) => Deno.writeFileSync(dir.file("disc.iso"), new Uint8Array(40960)),
    api: (dir) => open(dir, "disc.iso", { readOnly: false }),
    apiSays: [/Leave `readOnly` out/],
    never: [/attached/],
  },
  {
    name: "15. the file exists",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: (dir) => createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: 4 * MIB }),
    cli: ["create", "--size", "4MiB", "disk.vhdx"],
    says: [/the file exists already/],
    apiSays: [/\{ overwrite: true \}/],
    cliSays: [/--overwrite/],
  },
  {
    name: "15. the folder does not exist",
    api: (dir) => createVirtualDisk(dir.file("none/disk.vhdx"), { ...PORTABLE, size: 4 * MIB }),
    cli: ["create", "--size", "4MiB", "none/disk.vhdx"],
    says: [/The folder for the new file does not exist: make it first/],
    never: [/drive/],
  },
  {
    name: "15. the folder of the parent does not exist",
    api: (dir) =>
      createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, parent: dir.file("none/base.vhdx") }),
    cli: ["create", "--parent", "none/base.vhdx", "disk.vhdx"],
    says: [/none\/base\.vhdx": a folder of the path does not exist/, /check it/],
    never: [/new file/],
  },
  {
    name: "15. the file does not exist",
    api: (dir) => open(dir, "none.vhdx"),
    cli: ["map", "none.vhdx"],
    says: [/No file has that name: check the path and the current directory/],
  },
  {
    name: "17. a block size that no VHDX has",
    api: (dir) =>
      createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: 4 * MIB, blockSize: 1000 }),
    cli: ["create", "--size", "4MiB", "--block-size", "1000", "disk.vhdx"],
    says: [/must be a power of two from 1 MiB to 256 MiB, not 1000/],
    apiSays: [/blockSize must be/],
    cliSays: [/--block-size must be/],
    never: [/at least 3 MiB/, /older/],
  },
  {
    name: "17. a disk that is too small",
    api: (dir) => createVirtualDisk(dir.file("disk.vhdx"), { ...PORTABLE, size: MIB }),
    cli: ["create", "--size", "1MiB", "disk.vhdx"],
    says: [/size must be at least 3 MiB, not 1 MiB/],
    never: [/Block sizes/, /older/],
  },
  {
    name: "17. a disk that is too large",
    api: (dir) => createVirtualDisk(dir.file("disk.vhd"), { ...PORTABLE, size: "3TiB" }),
    cli: ["create", "--size", "3TiB", "disk.vhd"],
    says: [/size must be at most 2040 GiB in this format, not 3 TiB/, /a VHDX at most 64 TiB/],
  },
  {
    name: "18. a name that is too long",
    api: (dir) => open(dir, `${"n".repeat(300)}.vhdx`),
    cli: ["map", `${"n".repeat(300)}.vhdx`],
    says: [/at most 255 bytes/],
    never: [/\\\\\?\\/],
  },
  {
    name: "18. a path with a NUL",
    api: (dir) => openVirtualDisk(`${dir.path}\0.vhdx`, PORTABLE),
    apiSays: [/path must not hold a NUL character/],
  },
  {
    name: "20. the native backend off Windows",
    api: () => openVirtualDisk("disk.vhdx", { backend: "native" }),
    cli: ["info", "--backend", "native", "disk.vhdx"],
    says: [/the native backend needs Windows/],
    apiSays: [/\{ backend: "portable" \}/],
    cliSays: [/--backend portable/],
    never: [/trimmed|VirtDisk\.dll/],
  },
  {
    name: "21. what only a newer Windows does, off Windows",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      disk.takeSnapshot();
    },
    apiSays: [/The native backend can, on Windows/],
    never: [/older/],
  },
  {
    name: "22. detaching, off Windows",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx");
      await disk.detach();
    },
    cli: ["detach", "disk.vhdx"],
    apiSays: [/Only Windows attaches disks/],
    cliSays: [/only Windows attaches disks/],
    never: [/handle\.exe/],
  },
  {
    name: "23. merging into a parent that was changed",
    make: makeChanged,
    cli: ["merge", "child.vhdx"],
    cliSays: [
      /was changed after the child was made/,
      /Restore the parent/,
      /`virtdisk rebase --ignore-mismatch CHILD PARENT`/,
    ],
  },
  {
    name: "24. resizing below the last partition",
    make: makePartitioned,
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      await disk.resize(4 * MIB);
    },
    cli: ["resize", "disk.vhdx", "4MiB"],
    says: [
      /size must be at least 6 MiB, where the last partition ends/,
      /Shrink or remove the last partition first/,
    ],
    apiSays: [/`allowUnsafe`/],
    cliSays: [/--allow-unsafe/],
  },
  {
    name: "24. resizing a disk without partitions",
    make: (dir) => create(dir, "disk.vhdx", { size: 8 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      await disk.resize(4 * MIB);
    },
    cli: ["resize", "disk.vhdx", "4MiB"],
    says: [/no partition table/],
    apiSays: [/\{ allowUnsafe: true \}/],
    cliSays: [/--allow-unsafe/],
  },
  {
    name: "24. shrinking a VHD",
    make: (dir) => create(dir, "disk.vhd", { size: 8 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhd", { readOnly: false });
      await disk.resize(4 * MIB);
    },
    cli: ["resize", "disk.vhd", "4MiB"],
    says: [/a VHD can grow, but not shrink/, /convert the image/],
  },
  {
    name: "25. using a disk after its end",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      const disk = await open(dir, "disk.vhdx");
      disk.close();
      disk.readSync(new Uint8Array(1), 0);
    },
    apiSays: [/the disk is closed/, /inside the `using` scope/],
  },
  {
    name: "25. using a disk while an operation goes on",
    make: (dir) => create(dir, "disk.vhdx", { size: 4 * MIB }),
    api: async (dir) => {
      using disk = await open(dir, "disk.vhdx", { readOnly: false });
      const compacting = disk.compact();
      try {
        disk.readSync(new Uint8Array(1), 0);
      } finally {
        await compacting;
      }
    },
    apiSays: [/an operation on the disk goes on/, /Await it, or abort its signal/],
  },
];

/** `child.vhdx` of `base.vhdx`. */
async function makeChildOf(dir: TempDir): Promise<void> {
  await create(dir, "base.vhdx", { size: 4 * MIB });
  await create(dir, "child.vhdx", { parent: dir.file("base.vhdx") });
}

/** The message and all causes: what somebody reads who prints the error and its causes. */
async function told(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    assert(error instanceof Error);
    const causes = error instanceof VirtualDiskError ? error.causes.slice(1) : [];
    return [error.message, ...causes].join("\n");
  }
  throw new Error("nothing failed");
}

function assertSays(text: string, says: readonly RegExp[], never: readonly RegExp[]): void {
  for (const words of says) assertMatch(text, words);
  for (const words of never) assert(!words.test(text), `${words} in: ${text}`);
}

for (const row of ROWS) {
  testWith([onlyOn("linux", "darwin")], `message ${row.name}`, async (t) => {
    using dir = new TempDir();
    await row.make?.(dir);
    const { api, cli, says = [], apiSays = [], cliSays = [], never = [] } = row;
    if (api !== undefined) {
      await t.step("API", async () => {
        assertSays(await told(() => api(dir)), [...says, ...apiSays], [...never, NOT_HERE]);
      });
    }
    if (cli !== undefined) {
      await t.step("command line", async () => {
        const { code, out, err } = await runCli(dir, cli);
        // Whoever only looks is told on standard output.
        const isLooking = cli[0] === "check" || cli[0] === "diagnose";
        assert(isLooking || code === 1 || code === 2, `exit status ${code}`);
        const text = isLooking ? out : err;
        // What was typed may be anything.
        const said = text.replaceAll(dir.path, "").replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
        assertSays(text, [...says, ...cliSays], never);
        assertSays(said.replaceAll(/ERROR_\w+/g, ""), [], [NOT_HERE, NOT_AT_A_SHELL]);
      });
    }
  });
}

testWith([onlyOn("linux", "darwin")], "message 14. an image that is open elsewhere", async () => {
  using dir = new TempDir();
  await create(dir, "disk.vhdx", { size: 4 * MIB });
  {
    using _writer = await open(dir, "disk.vhdx", { readOnly: false });
    const reading = await told(() => open(dir, "disk.vhdx"));
    assertSays(reading, [
      /has the image open for writing/,
      /Close the other disk/,
      /\{ getInfoOnly: true \}/,
    ], [
      NOT_HERE,
      /attached/,
    ]);
    const { err } = await runCli(dir, ["map", "disk.vhdx"]);
    assertSays(err, [/has the image open for writing/, /look at it with `virtdisk info`/], [
      NOT_HERE,
      NOT_AT_A_SHELL,
    ]);
  }
  using _reader = await open(dir, "disk.vhdx");
  const writing = await told(() => open(dir, "disk.vhdx", { readOnly: false }));
  assertSays(writing, [/has the image open/, /Close/], [
    NOT_HERE,
  ]);
});

testWith(
  [ordinaryUser],
  "message 3 and 15. files and folders that this user may not read or write",
  async () => {
    using dir = new TempDir();
    await makeChildOf(dir);
    await create(dir, "secret.vhdx", { size: 4 * MIB });
    Deno.chmodSync(dir.file("secret.vhdx"), 0o000);
    for (const name of ["base.vhdx", "child.vhdx"]) Deno.chmodSync(dir.file(name), 0o444);
    const never = [NOT_HERE, NOT_AT_A_SHELL, /rwDepth/, /attached/];
    const rows: [args: string[], says: RegExp[], ...never: RegExp[]][] = [
      [["map", "secret.vhdx"], [/This user may not read the file/], /write/],
      [
        ["compact", "base.vhdx"],
        [/This user may not write to the file/, /chmod u\+w/],
        /may not read/,
      ],
      [["merge", "child.vhdx"], [/This user may not write to the file/]],
    ];
    for (const [args, says, ...others] of rows) {
      const { code, err } = runCliAsUser(dir, args);
      assertEquals(code, 2, args.join(" "));
      assertSays(err, says, [...never, ...others]);
    }
    // Folders of root, in which others make no file; the files themselves may be written.
    Deno.mkdirSync(dir.file("closed"), { mode: 0o755 });
    await create(dir, "closed/base.vhdx", { size: 4 * MIB });
    await create(dir, "closed/child.vhdx", { parent: dir.file("closed/base.vhdx") });
    for (const name of ["base.vhdx", "child.vhdx"]) {
      Deno.chmodSync(
        dir.file(`closed/${name}`),
        0o666,
      );
    }
    Deno.chmodSync(dir.file("closed"), 0o555);
    const folders: [args: string[], says: RegExp[]][] = [
      [["create", "--size", "4MiB", "closed/new.vhdx"], [
        /"closed\/new\.vhdx"/,
        /make, rename or remove files in the folder/,
      ]],
      [["merge", "--remove-child", "closed/child.vhdx"], [
        /make, rename or remove files in the folder/,
      ]],
    ];
    for (const [args, says] of folders) {
      const { code, err } = runCliAsUser(dir, args);
      assertEquals(code, 2, args.join(" "));
      assertSays(err, says, never);
    }
    Deno.chmodSync(dir.file("closed"), 0o755);
  },
);

testWith(
  [onlyOn("linux")],
  "message 16. a file that may not become so large is not a network share",
  async () => {
    using dir = new TempDir();
    await create(dir, "disk.vhdx", { size: 64 * MIB });
    using source = await open(dir, "disk.vhdx", { readOnly: false });
    source.writeSync(new Uint8Array(8 * MIB).fill(1), 0);
    source.close();
    const { err } = await runLimited(dir, ["convert", "disk.vhdx", "new.vhd"]);
    assertSays(err, [/"new\.vhd": the file would become larger/, /`ulimit -f`/], [
      /share/,
      NOT_HERE,
      NOT_AT_A_SHELL,
    ]);
  },
);

testWith([onlyOn("linux", "darwin")], "message 19. a permission that was not given", async () => {
  using dir = new TempDir();
  await create(dir, "disk.vhdx", { size: 4 * MIB });
  for (
    const [flag, args] of [["--allow-read", ["map", "disk.vhdx"]], [
      "--allow-write",
      ["compact", "disk.vhdx"],
    ]] as const
  ) {
    const { code, stderr } = await denoCommand({
      args: [...CLI_ARGS.filter((arg) => !arg.startsWith(flag)), ...args],
      cwd: dir.path,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 2);
    assertSays(new TextDecoder().decode(stderr), [new RegExp(flag)], [NOT_HERE, /ERROR_/]);
  }
});

Deno.test("message 25. an operation that is cancelled ends with the reason of its signal", async () => {
  using dir = new TempDir();
  await create(dir, "disk.vhdx", { size: 64 * MIB });
  const controller = new AbortController();
  const reason = new Error("enough");
  const copying = createVirtualDisk(dir.file("copy.vhd"), {
    ...PORTABLE,
    source: dir.file("disk.vhdx"),
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  assertEquals(await copying.catch((error) => error), reason);
  assertEquals([...Deno.readDirSync(dir.path)].map(({ name }) => name), ["disk.vhdx"]);
});
