/**
 * Opens and closes an image through given libraries; prints what came of it.
 * Usage: open_once.ts VIRTDISK KERNEL32 IMAGE
 */
import { loadLibraries } from "../../../src/native/ffi/library.ts";
import { openNative, openNativeAsync } from "../../../src/native/native_disk.ts";
import { openRequest } from "../../../src/disk/open_request.ts";

const [virtdisk, kernel32, image] = Deno.args as [string, string, string];
try {
  const libraries = loadLibraries({ virtdisk, kernel32 });
  using disk = openNative(openRequest(image, {}), libraries);
  using other = await openNativeAsync(openRequest(image, { readOnly: false }), libraries);
  console.log(JSON.stringify({ opened: [disk.path, other.path] }));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  const isNotCapable = error instanceof Deno.errors.NotCapable;
  console.log(JSON.stringify({ failed: error.name, isNotCapable }));
}
