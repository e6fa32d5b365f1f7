/** The rules of OpenVirtualDisk that both backends follow, stated once. */
import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { toFileUrl } from "@std/path";
import { type OpenOptions, type VirtualDisk, VirtualDiskError } from "@virtdisk/virtdisk";
import { OPEN_VIRTUAL_DISK_FLAG, VIRTUAL_DISK_ACCESS } from "../src/constants.ts";
import { loadLibraries } from "../src/native/ffi/library.ts";
import { openNative } from "../src/native/native_disk.ts";
import { openRequest } from "../src/disk/open_request.ts";
import { openPortableSync } from "../src/portable/portable_disk.ts";
import { buildDouble, doubleNeed } from "./double/double.ts";
import { longRealPaths, type Need, TempDir, testWith } from "./support.ts";
import { createImage } from "./create_image.ts";

interface Backend {
  readonly name: string;
  readonly needs: readonly Need[];
  open(path: string | URL, options?: OpenOptions): VirtualDisk;
}

/** Loaded outside the tests: a library stays loaded, which inside a test would be a leak. */
const double = doubleNeed() === undefined ? loadLibraries(buildDouble()) : undefined;

const BACKENDS: Backend[] = [
  {
    name: "portable",
    needs: [],
    open: (path, options = {}) => openPortableSync(openRequest(path, options)),
  },
  {
    name: "native",
    needs: [doubleNeed],
    open: (path, options = {}) => openNative(openRequest(path, options), double),
  },
];

const GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const { NO_PARENTS, CACHED_IO, IGNORE_RELATIVE_PARENT_LOCATOR } = OPEN_VIRTUAL_DISK_FLAG;

/** Options that open a healthy dynamic VHDX. */
const ACCEPTED: [name: string, options: OpenOptions][] = [
  ["no options", {}],
  ["the image's own type", { type: "vhdx" }],
  ["every member of version 2", { readOnly: true, getInfoOnly: false, resiliencyGuid: GUID }],
  ["version 2 for writing", { readOnly: false }],
  ["version 2 for information", { getInfoOnly: true }],
  ["a GUID in braces and upper case", { resiliencyGuid: `{${GUID.toUpperCase()}}` }],
  ["version 1 by access words", { access: ["get-info", "attach-ro", "detach"] }],
  ["version 1 by the number of the header", { access: VIRTUAL_DISK_ACCESS.READ }],
  ["version 1 with all rights and a depth", { access: ["all"], rwDepth: 1 }],
  ["version 1 with depth 0", { access: ["all"], rwDepth: 0 }],
  ["flags as words", { flags: ["no-parents", "cached-io"] }],
  ["flags as a number", { flags: NO_PARENTS | CACHED_IO | IGNORE_RELATIVE_PARENT_LOCATOR }],
  ["no flags", { flags: [] }],
];

/** Options that OpenVirtualDisk refuses with ERROR_INVALID_PARAMETER. */
const INVALID: [name: string, options: OpenOptions][] = [
  ["mask bits below VIRTUAL_DISK_ACCESS_ALL", { access: 0x1 }],
  ["mask bits above VIRTUAL_DISK_ACCESS_ALL", { access: 0x0040_0000 }],
  ["the sign bit in the mask", { access: 0x8000_0000 }],
  ["an unknown flag", { flags: 0x1000 }],
  ["the sign bit in the flags", { flags: 0x8000_0000 }],
  ["a mask beside readOnly, as version 2", { access: ["read"], readOnly: true }],
  ["a mask beside getInfoOnly, as version 2", { access: ["get-info"], getInfoOnly: true }],
  ["a mask beside snapshotId, as version 3", { access: ["read"], snapshotId: GUID }],
  ["rwDepth beside readOnly", { rwDepth: 1, readOnly: true }],
];

/** Arguments that are wrong before anything is called. */
const WRONG: [name: string, options: OpenOptions, error: typeof TypeError | typeof RangeError][] = [
  // The compiler refuses these words; a caller without types must be told too.
  ["an unknown type", { type: "vmdk" as "vhd" }, TypeError],
  ["a name that every object has", { type: "constructor" as "vhd" }, TypeError],
  ["an unknown flag word", { flags: ["fast" as "cached-io"] }, TypeError],
  ["an unknown access word", { access: ["write" as "all"] }, TypeError],
  ["a malformed GUID", { resiliencyGuid: "3f2504e0" }, TypeError],
  ["a negative mask", { access: -1 }, RangeError],
  ["flags beyond 32 bits", { flags: 2 ** 32 }, RangeError],
  ["a depth that is no number", { access: ["all"], rwDepth: Number.NaN }, RangeError],
  ["a fraction as depth", { access: ["all"], rwDepth: 0.5 }, RangeError],
];

for (const { name, needs, open } of BACKENDS) {
  testWith(
    needs,
    `${name}: an open succeeds with each combination of documented options`,
    async (t) => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      (await createImage(path, { size: 8 << 20 })).close();
      for (const [row, options] of ACCEPTED) {
        await t.step(row, () => {
          using disk = open(path, options);
          assertEquals(disk.closed, false);
        });
      }
    },
  );

  testWith(
    needs,
    `${name}: an open fails with ERROR_INVALID_PARAMETER (87) as documented`,
    async (t) => {
      using dir = new TempDir();
      const path = dir.file("disk.vhdx");
      (await createImage(path, { size: 8 << 20 })).close();
      for (const [row, options] of INVALID) {
        await t.step(row, () => {
          const error = assertThrows(() => open(path, options), VirtualDiskError);
          assertEquals([error.code, error.symbol], [87, "ERROR_INVALID_PARAMETER"]);
          assertEquals(error.operation, "OpenVirtualDisk");
        });
      }
      await t.step("an empty path", () => {
        assertEquals(assertThrows(() => open(""), VirtualDiskError).code, 87);
      });
    },
  );

  testWith(needs, `${name}: wrong arguments are refused before the call`, async (t) => {
    for (const [row, options, errorClass] of WRONG) {
      await t.step(row, () => {
        assertThrows(() => open("disk.vhdx", options), errorClass);
      });
    }
    await t.step("an embedded NUL in the path", () => {
      assertThrows(() => open("disk.vhdx\0.txt"), TypeError, "NUL");
    });
    await t.step("a URL of another scheme", () => {
      assertThrows(() => open(new URL("ftp://example.com/disk.vhdx")), TypeError);
    });
    await t.step("a path that is no string", () => {
      assertThrows(() => open(7 as unknown as string), TypeError);
    });
  });

  testWith(needs, `${name}: a disk is closed once, and not used afterwards`, async (t) => {
    using dir = new TempDir();
    const path = dir.file("disk.vhdx");
    (await createImage(path, { size: 8 << 20 })).close();

    await t.step("by using", () => {
      let seen: VirtualDisk;
      {
        using disk = open(path);
        seen = disk;
      }
      assertEquals(seen.closed, true);
    });
    await t.step("by using, after an exception", () => {
      let seen: VirtualDisk | undefined;
      assertThrows(() => {
        using disk = open(path);
        seen = disk;
        throw new RangeError("in the scope");
      }, RangeError);
      assertEquals(seen?.closed, true);
    });
    await t.step("by close(), and a second close() does nothing", () => {
      const disk = open(path);
      disk.close();
      disk.close();
      disk[Symbol.dispose]();
      assertEquals(disk.closed, true);
    });
    await t.step("use after close is ERROR_INVALID_HANDLE (6)", () => {
      const disk = open(path);
      disk.close();
      for (const use of [() => disk.getInformation("size"), () => disk.information()]) {
        assertEquals(assertThrows(use, VirtualDiskError).code, 6);
      }
    });
  });

  testWith(
    needs,
    `${name}: paths may be absolute, URLs, and in any script`,
    async (t) => {
      using dir = new TempDir();
      const names = ["plain.vhdx", "with space.vhdx", "ünïcödé-日本語.vhdx", "astral-😀𝒳.vhdx"];
      for (const name of names) {
        const path = dir.file(name);
        (await createImage(path, { size: 3 << 20 })).close();
        await t.step(name, () => {
          using absolute = open(path);
          assertInstanceOf(absolute, Object);
          using url = open(toFileUrl(path));
          assertEquals(url.path, absolute.path);
        });
      }
    },
  );

  testWith(
    [...needs, longRealPaths],
    `${name}: a path may be longer than 260 characters`,
    async () => {
      using dir = new TempDir();
      const folder = dir.file(`${"d".repeat(120)}/${"e".repeat(120)}`);
      Deno.mkdirSync(folder, { recursive: true });
      const path = `${folder}/${"f".repeat(60)}.vhdx`;
      (await createImage(path, { size: 3 << 20 })).close();
      using disk = open(path);
      assertEquals(disk.path.length > 260, true);
    },
  );
}
