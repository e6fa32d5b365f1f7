/** What is said of parents. */
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import type { TempDir } from "../support.ts";
import {
  create,
  HEADERS,
  makeChildOf,
  MIB,
  open,
  patch,
  PORTABLE,
  testMessages,
} from "./message.ts";

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

/** A child whose parent has been written to since. */
async function makeChanged(dir: TempDir): Promise<void> {
  await create(dir, "base.vhdx", { size: 4 * MIB });
  await create(dir, "child.vhdx", { parent: dir.file("base.vhdx") });
  using base = await open(dir, "base.vhdx", { readOnly: false, ignoreChildren: true });
  base.writeSync(Uint8Array.of(1), 0);
}

testMessages([
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
    name: "23. merging into a parent that was changed",
    make: makeChanged,
    cli: ["merge", "child.vhdx"],
    cliSays: [
      /was changed after the child was made/,
      /Restore the parent/,
      /`virtdisk rebase --ignore-mismatch CHILD PARENT`/,
    ],
  },
]);
