/** What is said of damaged files. */
import { crc32c } from "../../src/bytes/crc32.ts";
import { createImage } from "../create_image.ts";
import type { TempDir } from "../support.ts";
import { create, HEADERS, MIB, open, patch, testMessages } from "./message.ts";

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

testMessages([
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
]);
