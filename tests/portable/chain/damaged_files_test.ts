/** Which failures of a parent leave its child readable without it. */
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { ErrorSymbol } from "../../../src/errors/codes.ts";
import { DamagedFiles } from "../../../src/portable/chain/damaged_files.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { pureTest } from "../../pure.ts";
import { MIB, VhdxBuilder } from "../vhdx/vhdx_builder.ts";

/** As the parent's file fails to open. */
function inParent(symbol: ErrorSymbol): ImageError {
  const cause = new ImageError(symbol, {}).toVirtualDiskError("OpenVirtualDisk");
  return new ImageError("ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT", { cause });
}

/** A child that holds nothing of its own. */
async function damagedChild() {
  const files = await DamagedFiles.load({});
  const file = new VhdxBuilder({ subtype: "differencing" });
  return { files, child: files.openChild(file.source(), "vhdx", false) };
}

pureTest(
  "DamagedFiles.loseParent(): a parent that is gone, damaged or another disk is lost",
  async () => {
    for (
      const error of [
        new ImageError("ERROR_VHD_PARENT_VHD_NOT_FOUND", {}),
        new ImageError("ERROR_VHD_CHILD_PARENT_ID_MISMATCH", {}),
        inParent("ERROR_FILE_CORRUPT"),
      ]
    ) {
      const { files, child } = await damagedChild();
      files.loseParent(child, error);
      const { kind, length } = child.extent(0, MIB);
      assertEquals([kind, length], ["lost", MIB]);
      assertEquals(files.damages.findings.map(({ structure }) => structure), ["parent"]);
    }
  },
);

pureTest(
  "DamagedFiles.loseParent(): a parent that is there and may be read by another try is not lost",
  async () => {
    for (
      const error of [
        new ImageError("ERROR_SHARING_VIOLATION", {}),
        new ImageError("ERROR_VHD_PARENT_VHD_ACCESS_DENIED", {}),
        inParent("ERROR_IO_DEVICE"),
        new TypeError("no error of an image"),
      ]
    ) {
      const { files, child } = await damagedChild();
      assertStrictEquals(assertThrows(() => files.loseParent(child, error)), error);
      assertEquals(child.extent(0, MIB).kind, "parent");
      assertEquals(files.damages.findings, []);
    }
  },
);
