/** A check of a child finds a parent that is missing or another one, where the child names it. */
import { assertEquals } from "@std/assert";
import { checkVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { TempDir } from "../../support.ts";
import { HEADER } from "../vhd/vhd_builder.ts";
import { ITEMS } from "../vhdx/vhdx_builder.ts";

const MIB = 1 << 20;
const PLACES = [
  ["vhd", "sparse header", HEADER + 40],
  ["vhdx", "parent locator", ITEMS.parentLocator],
] as const;

Deno.test("check() of a child looks for its parent", async (t) => {
  for (const [type, structure, offset] of PLACES) {
    await t.step(`${type}`, async () => {
      using dir = new TempDir();
      const [base, child] = [dir.file(`base.${type}`), dir.file(`child.${type}`)];
      (await createImage(base, { size: 8 * MIB })).close();
      (await createImage(child, { parent: base })).close();
      assertEquals((await checkVirtualDisk(child)).findings, []);
      Deno.renameSync(base, dir.file("moved"));
      const expected = { severity: "error", structure, offset, repairable: false };
      await assertFinding(child, { ...expected, symbol: "ERROR_VHD_PARENT_VHD_NOT_FOUND" });
      (await createImage(base, { size: 8 * MIB })).close();
      await assertFinding(child, { ...expected, symbol: "ERROR_VHD_CHILD_PARENT_ID_MISMATCH" });
      // The child's own file is sound.
      using disk = await openVirtualDisk(child, { backend: "portable", flags: ["no-parents"] });
      assertEquals((await disk.check()).findings, []);
    });
  }
});

async function assertFinding(path: string, expected: Record<string, unknown>): Promise<void> {
  const { findings, sound } = await checkVirtualDisk(path);
  const found = findings.map(({ severity, structure, offset, repairable, symbol }) => ({
    severity,
    structure,
    offset,
    repairable,
    symbol,
  }));
  assertEquals(found, [expected] as unknown[]);
  assertEquals(sound, false);
}
