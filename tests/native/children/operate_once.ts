/**
 * Creates, attaches, compacts and cancels through given libraries; prints what came of it.
 * Usage: operate_once.ts VIRTDISK KERNEL32
 */
import { createNative } from "../../../src/native/native_disk.ts";
import { nativeCreateRequest } from "../../../src/native/create_request.ts";
import { loadLibraries } from "../../../src/native/ffi/library.ts";

const [virtdisk, kernel32] = Deno.args as [string, string];
const libraries = loadLibraries({ virtdisk, kernel32 });
const options = { parent: "base.vhdx", overwrite: true };
using disk = await createNative(nativeCreateRequest("a.vhdx", options), {}, libraries);
await using attachment = await disk.attach({ readOnly: true, volumeTimeout: 0 });
let fraction = 0;
await disk.compact({ onProgress: (progress) => fraction = progress.fraction });
const controller = new AbortController();
const work = disk.compact({ signal: controller.signal }).then(() => "done", (error) => error);
controller.abort("enough");
const physicalPath = attachment.physicalPath;
console.log(JSON.stringify({ physicalPath, fraction, outcome: await work }));
