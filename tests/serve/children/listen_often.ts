/** A thread that serves at sockets, one after the other: for others that do the same. The message names the folder and a count. */
import { serveVirtualDisk } from "../../../serve.ts";
import { MemoryDisk } from "../memory_disk.ts";

/** Deno checks it as a program, not as a worker. */
const thread = globalThis as unknown as Worker;

thread.onmessage = async (
  { data: [folder, name, count] }: MessageEvent<[string, string, number]>,
) => {
  for (let i = 0; i < count; i++) {
    await using _server = await serveVirtualDisk(new MemoryDisk(4096), {
      socket: `${folder}/${name}-${i}`,
    });
  }
  thread.postMessage("done");
};
