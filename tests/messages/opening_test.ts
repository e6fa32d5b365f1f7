/** What is said of a disk that cannot be opened, read or written as it was opened. */
import { createVirtualDisk } from "@virtdisk/virtdisk";
import { runCli } from "../cli/run_cli.ts";
import { dirtyVhdx, putEntries } from "../portable/vhdx/log_builder.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import {
  assertSays,
  create,
  makeChildOf,
  MIB,
  NOT_AT_A_SHELL,
  NOT_HERE,
  open,
  PORTABLE,
  type Row,
  testMessages,
  told,
} from "./message.ts";

testMessages([
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
]);

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
