/** Merging a VHDX into its parent: how the parent is left. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { ImageError } from "../../../src/portable/file/image_error.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { readCurrentHeader } from "../../../src/portable/vhdx/header.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { mergeVhdx } from "../../../src/portable/vhdx/merge.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { RecordingSource } from "../../crash/recording_source.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import { pureTest } from "../../pure.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { addItems, DISK, rawItem, USER } from "./item_bytes.ts";
import { VhdxBuilder, vhdxSpec } from "./vhdx_builder.ts";

Deno.test("mergeVhdx() closes the log of the parent, and the child no longer knows another one", async () => {
  const target = newImage(createVhdxIn, vhdxSpec());
  const parent = { identifier: openVhdx(target).identifier!, relativePath: ".\\base.vhdx" };
  const child = newImage(
    createVhdxIn,
    vhdxSpec({ subtype: "differencing", parent: { ...parent, absolutePath: undefined } }),
  );
  const bytes = pattern(4096);
  const writing = openWritableVhdx(child);
  writing.write(bytes, 0);
  writing.finish();
  await mergeVhdx({
    above: [],
    child,
    target,
    targetParentSize: 0,
    dryRun: false,
    pace: new Pace({}),
  });
  const { logGuid, dataWriteGuid } = readCurrentHeader(target);
  assertEquals(logGuid, NIL_GUID);
  assertNotEquals(dataWriteGuid, parent.identifier);
  assert(openVhdx(child).parent!.identifiers.includes(dataWriteGuid));
  assertBytesEqual(readImage([openVhdx(target)], 0, 4096), bytes);
});

pureTest("mergeVhdx(): the parent gets the physical sectors of the child", async () => {
  const target = newImage(createVhdxIn, vhdxSpec({ physicalSectorSize: 512 }));
  const child = newImage(createVhdxIn, vhdxSpec({ subtype: "differencing" }));
  assertEquals(openVhdx(child).physicalSectorSize, 4096);
  const merging = { above: [], child, target, targetParentSize: 0, dryRun: false };
  await mergeVhdx({ ...merging, pace: new Pace({}) });
  const { physicalSectorSize, logicalSectorSize } = openVhdx(target);
  assertEquals([physicalSectorSize, logicalSectorSize], [4096, 512]);
});

pureTest(
  "mergeVhdx(): items that the target has no room for are found before anything is written",
  async () => {
    const files = [["dynamic", USER, 1000], ["differencing", 0, 0], [
      "differencing",
      USER | DISK,
      25,
    ]];
    const [target, child, above] = files.map(([subtype, flags, count], file) => {
      const { bytes } = new VhdxBuilder({ subtype: subtype as "dynamic" | "differencing" });
      const items = Array.from(
        { length: Number(count) },
        (_, i) => rawItem(2000 * file + i, Number(flags), new Uint8Array()),
      );
      addItems(bytes, items);
      return new RecordingSource<never>(SparseFile.of(bytes));
    });
    const merging = { above: [above!], child: child!, target: target!, targetParentSize: 0 };
    const error = await assertRejects(
      () => mergeVhdx({ ...merging, dryRun: false, pace: new Pace({}) }),
      ImageError,
    );
    assertEquals(error.symbol, "ERROR_VHD_METADATA_FULL");
    assertEquals([target!.changes.length, child!.changes.length], [0, 0]);
  },
);
