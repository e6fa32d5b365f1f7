import { assertEquals, assertThrows } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { attachedVirtualDisks, openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { onlyOn, ROOT, TempDir, testWith } from "./support.ts";

const BACKEND = toFileUrl(join(ROOT, "src/backend.ts")).href;

/** A worker one of whose modules waits, as the doors wait for the native backend on Windows. */
function writeWorker(dir: TempDir, waiting: string): string {
  Deno.writeTextFileSync(dir.file("slow.ts"), "await new Promise((go) => setTimeout(go, 200));\n");
  Deno.writeTextFileSync(dir.file("waiting.ts"), waiting);
  Deno.writeTextFileSync(
    dir.file("worker.ts"),
    `import "./waiting.ts";
let count = 0;
self.onmessage = ({ data, ports }) => {
  ports[0]?.postMessage("by port");
  self.postMessage([++count, data]);
};
`,
  );
  return toFileUrl(dir.file("worker.ts")).href;
}

/** What a worker answers to messages that are sent before it can listen. */
async function answers(url: string, messages: readonly string[]): Promise<unknown[]> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(url, { type: "module" });
  const received: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const expect = (answer: unknown) => {
    received.push(answer);
    if (received.length === messages.length + 1) done.resolve();
  };
  worker.onmessage = ({ data }) => expect(data);
  port1.onmessage = ({ data }) => expect(data);
  for (const [i, message] of messages.entries()) {
    worker.postMessage(message, i === 0 ? [port2] : []);
  }
  // Lost messages are answered by nobody.
  const timer = setTimeout(() => done.resolve(), 20_000);
  await done.promise;
  clearTimeout(timer);
  port1.close();
  worker.terminate();
  return received;
}

Deno.test("holdingMessages() keeps what a worker is sent while its modules wait", async () => {
  using dir = new TempDir();
  const url = writeWorker(
    dir,
    `import { holdingMessages } from "${BACKEND}";
await holdingMessages(() => import("./slow.ts"));
`,
  );
  const received = await answers(url, ["a", "b", "c"]);
  assertEquals(received.filter((each) => each !== "by port"), [[1, "a"], [2, "b"], [3, "c"]]);
  assertEquals(received.includes("by port"), true);
});

testWith(
  [onlyOn("linux", "darwin")],
  "off Windows the native backend is refused without being loaded",
  () => {
    const errors = [
      () => openVirtualDiskSync("x.vhdx", { backend: "native" }),
      () => attachedVirtualDisks(),
    ].map((run) => assertThrows(run, VirtualDiskError).symbol);
    assertEquals(errors, Array(2).fill("ERROR_NOT_SUPPORTED"));
  },
);
