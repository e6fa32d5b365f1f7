/**
 * Tests of the native backend that call the double of VirtDisk.dll, through the same foreign functions
 * as the real one. They hold off Windows and on it.
 */
import { assertEquals } from "@std/assert";
import { type Libraries, loadLibraries } from "../../src/native/library.ts";
import { type NativeVirtualDisk, openNative } from "../../src/native/native_disk.ts";
import { type OpenOptions, openRequest } from "../../src/open_request.ts";
import { buildDouble, Double, doubleNeed } from "../double/double.ts";
import { testWith } from "../support.ts";

/** What a test works with. */
export interface DoubleContext {
  readonly double: Double;
  readonly libraries: Libraries;
  /** Opens a disk as scripts do, but through the double. */
  readonly open: (path?: string | URL, options?: OpenOptions) => NativeVirtualDisk;
}

/** A path that is absolute on Windows, of an image that need not be there. */
export const IMAGE = "C:\\images\\a.vhdx";

// Loaded before any test begins, for the libraries stay loaded, which a test may not do.
const paths = doubleNeed() === undefined ? buildDouble() : undefined;
const loaded = paths && loadLibraries(paths);

/** A test after which no handle may be open, and none closed twice. */
export function testWithDouble(
  name: string,
  fn: (context: DoubleContext) => void | Promise<void>,
): void {
  testWith([doubleNeed], name, async () => {
    using double = new Double(paths!);
    const libraries = loaded!;
    await fn({
      double,
      libraries,
      open: (path = IMAGE, options = {}) => openNative(openRequest(path, options), libraries),
    });
    assertEquals(double.liveHandles, 0, "handles left open");
    assertEquals(double.doubleCloses, 0, "handles closed twice");
  });
}
