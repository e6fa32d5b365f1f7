/**
 * Collects garbage while operations wait; prints how each ended. Ends by itself when they have.
 * Usage: collect_operation.ts VIRTDISK KERNEL32
 */
import { createNative, openNative } from "../../../src/native/native_disk.ts";
import { nativeCreateRequest } from "../../../src/native/create_request.ts";
import { loadLibraries } from "../../../src/native/ffi/library.ts";
import { openRequest } from "../../../src/disk/open_request.ts";
import { Double } from "../../double/double.ts";

const { gc } = globalThis as unknown as { gc: () => void };

const [virtdisk, kernel32] = Deno.args as [string, string];
const libraries = loadLibraries({ virtdisk, kernel32 });
const double = new Double({ virtdisk, kernel32 });
const controller = new AbortController();
const path = `C:\\images\\${"long".repeat(30)}.vhdx`;

function open() {
  return openNative(openRequest(path, { readOnly: false }), libraries);
}

/** Garbage of the sizes that the calls' memory has, in which their bytes would be lost. */
function litter(): number {
  let sum = 0;
  for (let i = 0; i < 2000; i++) sum += new Uint8Array(8 * (i % 64)).fill(0xa5).length;
  return sum;
}

double.operations.tell("all", { steps: Infinity });
// Attaching blocks a thread, and so ends by itself: after the collections.
double.operations.tell("AttachVirtualDisk", { steps: 1, stepMs: 400 });
const works = [
  open().compact(),
  open().resize(1 << 30),
  open().attach({ noLocalHost: true, securityDescriptor: new Uint8Array(20) }),
  open().mirror(path).then(() => {}),
  open().compact({ signal: controller.signal }),
  (async () => {
    const options = { parent: path };
    return await createNative(nativeCreateRequest(path, options), {}, libraries);
  })(),
];
const outcomes = Promise.allSettled(works);
for (let i = 0; i < 20; i++) {
  await new Promise((resolve) => setTimeout(resolve, 5));
  litter();
  gc();
}
controller.abort("enough");
double.operations.endAll();
const statuses = (await outcomes).map((outcome) => outcome.status);
const intact = double.operations.list.map(({ memoryIntact, overlappedIntact }) =>
  memoryIntact === true && overlappedIntact === true
);
console.log(JSON.stringify({ statuses, intact }));
