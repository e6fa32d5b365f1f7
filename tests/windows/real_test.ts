/* What only Windows itself can answer: its own VirtDisk.dll opens what the portable backend made. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  type CreateOptions,
  type InformationKind,
  openVirtualDisk,
  VirtualDiskError,
} from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { TempDir, testWith } from "../support.ts";
import { handleCount } from "./handle_count.ts";
import { loadOnce, systemHas } from "./system.ts";

loadOnce("windows", "double");

const MIB = 1024 * 1024;
const CYCLES = 200;
const windows = systemHas("windows");
/** The double stands for Windows where no file is looked into. */
const windowsOrDouble = systemHas("windows", "double");
const COMPARED = ["size", "identifier", "storageType", "providerSubtype"] as const;

/** What one backend says; the other opens the image only afterwards. */
async function described(
  path: string,
  backend: "native" | "portable",
  kinds: readonly InformationKind[],
): Promise<Record<string, unknown>> {
  using disk = await openVirtualDisk(path, { backend });
  return Object.fromEntries(kinds.map((kind) => [kind, disk.getInformation(kind)]));
}

const IMAGES: readonly [name: string, options: CreateOptions][] = [
  ["dynamic.vhd", { size: 64 * MIB }],
  ["fixed.vhd", { size: 8 * MIB, subtype: "fixed" }],
  ["dynamic.vhdx", { size: 64 * MIB }],
  ["fixed.vhdx", { size: 8 * MIB, subtype: "fixed" }],
  ["sectors.vhdx", { size: 64 * MIB, sectorSize: 4096, physicalSectorSize: 4096 }],
];

for (const [name, options] of IMAGES) {
  testWith([windows], `Windows and the portable backend say the same of ${name}`, async () => {
    using dir = new TempDir();
    const path = dir.file(name);
    (await createImage(path, options)).close();
    const portable = await described(path, "portable", COMPARED);
    assertEquals(await described(path, "native", COMPARED), portable);
  });
}

for (const extension of ["vhd", "vhdx"]) {
  testWith([windows], `Windows finds the parent of a differencing ${extension}`, async () => {
    using dir = new TempDir();
    const parent = dir.file(`parent.${extension}`);
    const child = dir.file(`child.${extension}`);
    (await createImage(parent, { size: 64 * MIB })).close();
    (await createImage(child, { parent })).close();
    const kinds = [...COMPARED, "parentIdentifier"] as const;
    const portable = await described(child, "portable", kinds);
    assertEquals(await described(child, "native", kinds), portable);
    using disk = await openVirtualDisk(child, { backend: "native" });
    assertEquals(disk.getInformation("parentLocation").resolved, true);
  });
}

testWith(
  [windows],
  "a file that is not there is ERROR_FILE_NOT_FOUND on both backends",
  async () => {
    using dir = new TempDir();
    for (const backend of ["native", "portable"] as const) {
      const error = await assertRejects(
        () => openVirtualDisk(dir.file("missing.vhdx"), { backend }),
        VirtualDiskError,
      );
      assertEquals(error.code, 2, backend);
    }
  },
);

testWith(
  [windows],
  "an ISO image that is none is ERROR_FILE_CORRUPT on both backends",
  async () => {
    using dir = new TempDir();
    const path = dir.file("bad.iso");
    Deno.writeFileSync(path, new Uint8Array(64 * 1024));
    for (const backend of ["native", "portable"] as const) {
      const error = await assertRejects(() => openVirtualDisk(path, { backend }), VirtualDiskError);
      assertEquals(error.code, 1392, backend);
    }
  },
);

testWith([windowsOrDouble], "opening and closing on Windows leaves no handle behind", async () => {
  using dir = new TempDir();
  const path = dir.file("cycles.vhdx");
  (await createImage(path, { size: 64 * MIB })).close();
  const cycle = async () => (await openVirtualDisk(path, { backend: "native" })).close();
  // The first opens make threads and connections that stay.
  for (let i = 0; i < CYCLES; i++) await cycle();
  const before = handleCount();
  for (let i = 0; i < CYCLES; i++) await cycle();
  const left = handleCount() - before;
  assertEquals(left >= CYCLES / 2, false, `${left} handles more than before`);
});
