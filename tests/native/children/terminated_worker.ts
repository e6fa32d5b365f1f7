/**
 * Has a worker start operations, and create an image, and terminates it; prints what Windows found of their memory
 * when they ended. As a worker it starts them. Usage: terminated_worker.ts VIRTDISK KERNEL32
 */
import { createNative, openNative, openNativeAsync } from "../../../src/native/native_disk.ts";
import { nativeCreateRequest } from "../../../src/native/create_request.ts";
import { loadLibraries } from "../../../src/native/ffi/library.ts";
import { openRequest } from "../../../src/disk/open_request.ts";
import { Double } from "../../double/double.ts";

const PATH = `C:\\images\\${"long".repeat(30)}.vhdx`;
/** Those with an OVERLAPPED; attaching and opening wait on another thread. */
const OPERATIONS = 4;
const PENDING = 997;
/** How long attaching takes: longer than anything else here. */
const ATTACH_MS = 3000;

interface Libraries {
  readonly virtdisk: string;
  readonly kernel32: string;
}

/** What the worker has to do: opening is held up when everything else has begun. */
interface Order extends Libraries {
  readonly step: "operate" | "open";
}

function start({ step, ...paths }: Order): void {
  const libraries = loadLibraries(paths);
  const open = () => openNative(openRequest(PATH, { readOnly: false }), libraries);
  if (step === "open") {
    void openNativeAsync(openRequest(PATH, {}), libraries);
    return;
  }
  void open().compact();
  void open().resize(1 << 30);
  void open().mirror(PATH);
  void createNative(nativeCreateRequest(PATH, { parent: PATH }), {}, libraries);
  void open().attach({ noLocalHost: true, securityDescriptor: new Uint8Array(20).fill(1) });
}

async function terminate(paths: Libraries): Promise<void> {
  const double = new Double(paths);
  double.operations.tell("all", { steps: Infinity });
  double.operations.tell("AttachVirtualDisk", { steps: 1, stepMs: ATTACH_MS });
  const worker = new Worker(`${import.meta.url}#worker`, { type: "module" });
  worker.postMessage({ step: "operate", ...paths });
  while (double.operations.pending < OPERATIONS || double.calls("AttachVirtualDisk") < 1) {
    await pause(5);
  }
  double.holdOpen(true);
  worker.postMessage({ step: "open", ...paths });
  while (double.heldCalls < 1) await pause(5);
  // Nothing but the worker's calls need the library now.
  double[Symbol.dispose]();
  worker.terminate();
  // Whatever the worker had is freed, and used by others.
  for (let i = 0; i < 50; i++) {
    await pause(5);
    for (let size = 8; size < 1024; size += 8) new Uint8Array(size).fill(0xa5);
  }
  using again = new Double(paths, { keep: true });
  again.holdOpen(false);
  again.operations.endAll();
  const { operations } = again;
  const isOver = () =>
    operations.pending + again.heldCalls === 0 &&
    operations.list.every(({ code }) => code !== PENDING);
  while (!isOver()) await pause(5);
  console.log(JSON.stringify({
    operations: Object.fromEntries(operations.list.map((each) => [
      each.function,
      each.memoryIntact === true && each.overlappedIntact === true,
    ])),
    opensSpoilt: again.spoiltCalls,
  }));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// In a worker import.meta.main is true, too.
if (!import.meta.url.endsWith("#worker")) {
  const [virtdisk, kernel32] = Deno.args as [string, string];
  await terminate({ virtdisk, kernel32 });
} else {
  const scope = globalThis as unknown as { onmessage: (event: MessageEvent<Order>) => void };
  scope.onmessage = ({ data }) => start(data);
}
