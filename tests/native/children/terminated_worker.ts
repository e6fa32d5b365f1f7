/**
 * Has a worker start operations, and create an image, and terminates it; prints what Windows found of their memory
 * when they ended. As a worker it starts them. Usage: terminated_worker.ts VIRTDISK KERNEL32
 */
import { createNative } from "../../../src/native/create_native.ts";
import { nativeCreateRequest } from "../../../src/native/create_request.ts";
import { loadLibraries } from "../../../src/native/library.ts";
import { openNative } from "../../../src/native/native_disk.ts";
import { openRequest } from "../../../src/disk/open_request.ts";
import { Double } from "../../double/double.ts";

const PATH = `C:\\images\\${"long".repeat(30)}.vhdx`;
const OPERATIONS = 4;

interface Libraries {
  readonly virtdisk: string;
  readonly kernel32: string;
}

function start(paths: Libraries): void {
  const libraries = loadLibraries(paths);
  const open = () => openNative(openRequest(PATH, { readOnly: false }), libraries);
  void open().compact();
  void open().resize(1 << 30);
  void open().mirror(PATH);
  void createNative(nativeCreateRequest(PATH, { parent: PATH }), {}, libraries);
}

async function terminate(paths: Libraries): Promise<void> {
  loadLibraries(paths);
  const double = new Double(paths);
  double.operations.tell("all", { steps: Infinity });
  const worker = new Worker(`${import.meta.url}#worker`, { type: "module" });
  worker.postMessage(paths);
  while (double.operations.pending < OPERATIONS) await pause(5);
  worker.terminate();
  // Whatever the worker had is freed, and used by others.
  for (let i = 0; i < 50; i++) {
    await pause(5);
    for (let size = 8; size < 1024; size += 8) new Uint8Array(size).fill(0xa5);
  }
  double.operations.endAll();
  while (double.operations.pending > 0) await pause(5);
  const ended = double.operations.list.map(({ memoryIntact, overlappedIntact }) =>
    memoryIntact === true && overlappedIntact === true
  );
  console.log(JSON.stringify(ended));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// In a worker import.meta.main is true, too.
if (!import.meta.url.endsWith("#worker")) {
  const [virtdisk, kernel32] = Deno.args as [string, string];
  await terminate({ virtdisk, kernel32 });
} else {
  const scope = globalThis as unknown as { onmessage: (event: MessageEvent<Libraries>) => void };
  scope.onmessage = ({ data }) => start(data);
}
