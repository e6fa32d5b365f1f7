/** Merging a VHDX into its parent: how the parent is left. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { NIL_GUID } from "../../../src/bytes/guid.ts";
import { Pace } from "../../../src/portable/image/pace.ts";
import { readCurrentHeader } from "../../../src/portable/vhdx/header.ts";
import { openVhdx } from "../../../src/portable/vhdx/image.ts";
import { mergeVhdx } from "../../../src/portable/vhdx/merge.ts";
import { openWritableVhdx } from "../../../src/portable/vhdx/writable_image.ts";
import { createVhdxIn, newImage } from "../../crash/formats.ts";
import { assertBytesEqual, pattern } from "../../support.ts";
import { readImage } from "../image/read_image.ts";
import { vhdxSpec } from "./vhdx_builder.ts";

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
