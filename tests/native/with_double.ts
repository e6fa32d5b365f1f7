/**
 * Tests of the native backend that call the double of VirtDisk.dll, through the same foreign functions
 * as the real one. They hold off Windows and on it.
 */
import { assertEquals } from "@std/assert";
import type { CreateOptions } from "../../src/disk/create_options.ts";
import { createNative, type NativeVirtualDisk, openNative } from "../../src/native/native_disk.ts";
import { nativeCreateRequest } from "../../src/native/create_request.ts";
import { type Libraries, loadLibraries } from "../../src/native/ffi/library.ts";
import type { OpenOptions } from "../../src/disk/open_options.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import { buildDouble, Double, doubleNeed } from "../double/double.ts";
import { testWith } from "../support.ts";

/** What a test works with. */
export interface DoubleContext {
  readonly double: Double;
  readonly libraries: Libraries;
  /** Opens a disk as scripts do, but through the double. */
  readonly open: (path?: string | URL, options?: OpenOptions) => NativeVirtualDisk;
  /** Opens a disk to change it. */
  readonly openWritable: () => NativeVirtualDisk;
  /** Creates a disk as scripts do, but through the double. */
  readonly create: (path: string | URL, options: CreateOptions) => Promise<NativeVirtualDisk>;
}

/** A path that is absolute on Windows, of an image that need not be there. */
export const IMAGE = "C:\\images\\a.vhdx";

// Loaded before any test begins, for the libraries stay loaded, which a test may not do.
const paths = doubleNeed() === undefined ? buildDouble() : undefined;
const loaded = paths && loadLibraries(paths);

/**
 * A test after which no handle and no event may be open, none closed twice, no operation pending, and all
 * memory that an operation was given must have lasted until its end.
 */
export function testWithDouble(name: string, fn: (context: DoubleContext) => unknown): void {
  testWith([doubleNeed], name, () => runWithDouble(fn));
}

/** A step that begins with a fresh double, and leaves as little behind as a test. */
export type StepWithDouble = (
  name: string,
  fn: (context: DoubleContext) => unknown,
) => Promise<void>;

/** A test of many rows: each is a step. */
export function testRowsWithDouble(
  name: string,
  rows: (step: StepWithDouble) => Promise<void>,
): void {
  testWith([doubleNeed], name, async (t) => {
    await rows(async (name, fn) => {
      await t.step(name, () => runWithDouble(fn));
    });
  });
}

async function runWithDouble(fn: (context: DoubleContext) => unknown): Promise<void> {
  using double = new Double(paths!);
  const libraries = loaded!;
  await fn({
    double,
    libraries,
    open: (path = IMAGE, options = {}) => openNative(openRequest(path, options), libraries),
    openWritable: () => openNative(openRequest(IMAGE, { readOnly: false }), libraries),
    create: async (path, options) =>
      await createNative(nativeCreateRequest(path, options), options, libraries),
  });
  assertEquals(double.operations.pending, 0, "operations left pending");
  for (const { function: name, memoryIntact, overlappedIntact } of double.operations.list) {
    assertEquals([name, memoryIntact, overlappedIntact], [name, true, true], "memory let go of");
  }
  assertEquals(double.liveBlocks, 0, "memory not given back");
  assertEquals(double.liveEvents, 0, "events left open");
  assertEquals(double.liveHandles, 0, "handles left open");
  assertEquals(double.doubleCloses, 0, "handles closed twice");
}
