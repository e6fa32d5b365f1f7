/** Children whose link to the parent was repaired here, asked and read by libvhdi. */
import { assertEquals } from "@std/assert";
import { openVirtualDiskSync } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { assertBytesEqual, pattern, TempDir, testWith } from "../support.ts";
import { LIBVHDI, libvhdiInformation, libvhdiRead } from "./vhd_oracles.ts";

const MIB = 1 << 20;
const SIZE = 8 * MIB;
const OTHER_ID = "12345678-90ab-cdef-1234-567890abcdef";

for (const format of ["vhd", "vhdx"] as const) {
  testWith(
    LIBVHDI,
    `setInformation(): libvhdi finds and reads the new parent of a ${format} child`,
    async () => {
      using dir = new TempDir();
      const [child, parent] = [dir.file(`child.${format}`), dir.file(`parent.${format}`)];
      using base = await createImage(parent, { size: SIZE });
      base.writeSync(pattern(3 * MIB), MIB);
      base.close();
      using made = await createImage(child, { parent });
      made.writeSync(pattern(MIB, 7), 2 * MIB);
      const expected = new Uint8Array(SIZE);
      made.readSync(expected, 0);
      made.close();
      const before = libvhdiInformation(child);

      const moved = dir.file(`the disk that was moved.${format}`);
      Deno.renameSync(parent, moved);
      const alone = { backend: "portable", readOnly: false, flags: ["no-parents"] } as const;
      using repaired = openVirtualDiskSync(child, alone);
      repaired.setInformation("parentPath", moved);
      repaired.close();
      const name = `the disk that was moved.${format}`;
      const after = libvhdiInformation(child);
      // Of a VHDX, libvhdi gives the absolute path alone.
      if (format === "vhd") assertEquals(after.parentFilename?.split("\\").at(-1), name);
      assertEquals({ ...after, parentFilename: "" }, { ...before, parentFilename: "" });
      const whole = [{ offset: 0, length: SIZE }];
      assertBytesEqual(libvhdiRead([child, moved], whole, dir.file("raw")), expected);

      using renamed = openVirtualDiskSync(child, alone);
      const path = `C:\\${"folder\\".repeat(30)}another.${format}`;
      renamed.setInformation("parentLocator", { linkageId: OTHER_ID, path });
      renamed.close();
      const last = libvhdiInformation(child);
      assertEquals(last.parentFilename?.split("\\").at(-1), `another.${format}`);
      assertEquals(last.parentIdentifier === before.parentIdentifier, false);
    },
  );
}
