/** The native backend over the double of VirtDisk.dll, which counts handles, events and memory. */
import {
  type NativeVirtualDisk,
  openNative,
  openNativeAsync,
} from "../../../src/native/native_disk.ts";
import { loadLibraries } from "../../../src/native/ffi/library.ts";
import type { OpenOptions } from "../../../src/disk/open_options.ts";
import { openRequest } from "../../../src/disk/open_request.ts";
import { buildDouble, Double } from "../../double/double.ts";
import type { Phase } from "./phase.ts";

const PATH = "C:\\images\\a.vhdx";
/** ERROR_FILE_NOT_FOUND, ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_FILE_CORRUPT, ERROR_DISK_FULL. */
const CODES = [2, 5, 32, 1392, 112];

/** Opens, failures of each code, and operations that are cancelled. */
export const nativeCalls: Phase = ({ count }) => {
  const paths = buildDouble();
  const libraries = loadLibraries(paths);
  const double = new Double(paths);
  double.setSize({
    virtualSize: 2 ** 30,
    physicalSize: 2 ** 20,
    blockSize: 2 ** 21,
    sectorSize: 512,
  });
  const open = (options: OpenOptions = {}) => openNative(openRequest(PATH, options), libraries);
  const ways: Record<string, (number: number) => unknown> = {
    "opened": () => {
      using disk = open();
      disk.getInformation("size");
    },
    "opened asynchronously": async () => {
      using disk = await openNativeAsync(openRequest(PATH, {}), libraries);
      disk.getInformation("size");
    },
    "refused": async (number) => {
      double.nextOpen(CODES[number % CODES.length]!);
      await fails(() => open());
    },
    "failed in an operation": async (number) => {
      using disk = open({ readOnly: false });
      double.nextResult("CompactVirtualDisk", CODES[number % CODES.length]!);
      await fails(() => disk.compact());
    },
    "cancelled": (number) => cancelled(double, open({ readOnly: false }), number),
  };
  const names = Object.keys(ways);
  return {
    rounds: count,
    async round(number) {
      const name = names[number % names.length]!;
      await ways[name]!(number);
      return name;
    },
    end() {
      const { liveHandles, liveEvents, liveBlocks, doubleCloses, operations: { pending } } = double;
      const left = { liveHandles, liveEvents, liveBlocks, doubleCloses, pending };
      for (const [what, number] of Object.entries(left)) {
        if (number !== 0) throw new Error(`${what} of the double: ${number}`);
      }
    },
  };
};

async function fails(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch {
    return;
  }
  throw new Error("it succeeded");
}

async function cancelled(double: Double, opened: NativeVirtualDisk, number: number): Promise<void> {
  using disk = opened;
  double.operations.tell("CompactVirtualDisk", { steps: Infinity });
  const reason = new Error("cancelled");
  const controller = new AbortController();
  const operation = disk.compact({ signal: controller.signal });
  if (number % 2 === 1) await Promise.resolve();
  controller.abort(reason);
  const found = await operation.then(() => undefined, (error: unknown) => error);
  double.operations.tell("CompactVirtualDisk", { steps: 0 });
  if (found !== reason) throw new Error(`a cancelled operation ended with ${found}`);
}
