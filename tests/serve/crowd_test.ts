/** As many clients as may come, none of which reads: how much memory they cost the server, and what the next one meets. */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { createVirtualDisk } from "@virtdisk/virtdisk/portable";
import { sampledRows } from "../sampling.ts";
import { onlyOn, pattern, ROOT, TempDir, testWith } from "../support.ts";
import { RawClient } from "./raw_client.ts";

const MIB = 2 ** 20;
const CLIENTS = 200;
/** The longest read that is answered, in MiB: all of it data. */
const SIZE = 32 * MIB;
const READ = 0;
const CACHE = 5;
/**
 * What all of them may cost, in MiB: what waits for all of them, for each one a reply that is being sent and the buffers
 * of its connection, and what the collector of garbage has not seen yet.
 */
const BOUND = 400;

/** What clients ask for, and how often at most. */
interface Flood {
  readonly request: { type: number; length: number };
  readonly most: number;
  readonly structured?: boolean;
}

/** What the clients ask for again and again, and how often at most: the server takes no more long before. */
const FLOODS: Readonly<Record<string, Flood>> = {
  "the longest reads": { request: { type: READ, length: SIZE }, most: 200 },
  "the longest reads in simple replies": {
    request: { type: READ, length: SIZE },
    most: 200,
    structured: false,
  },
  "what is answered shortest": { request: { type: CACHE, length: 1 }, most: 200_000 },
};

for (const [what, { request, most, ...options }] of sampledRows(Object.entries(FLOODS), 3)) {
  testWith(
    [onlyOn("linux")],
    `serveVirtualDisk: ${CLIENTS} clients ask for ${what} and read nothing`,
    async () => {
      using dir = new TempDir();
      const [path, socket] = [dir.file("disk.vhdx"), dir.file("s")];
      {
        using disk = await createVirtualDisk(path, { size: SIZE });
        disk.writeSync(pattern(SIZE), 0);
      }
      const server = start(path, socket);
      const lines = server.stdout.getReader();
      const errors = new Response(server.stderr).text();
      const deaf: RawClient[] = [];
      const sending: Promise<unknown>[] = [];
      try {
        await lines.read();
        const before = memory(server, "VmRSS");
        for (let i = 0; i < CLIENTS; i++) deaf.push(await RawClient.ready(socket, options));
        using one = await RawClient.connect(socket);
        assert(await one.isEnded(), "one more is turned away");
        let sent = 0;
        for (const client of deaf) {
          const requests = client.flood(request, most, (count) => sent += count);
          sending.push(requests.catch(() => {}));
        }
        await untilStill(() => sent);
        assertLessOrEqual(sent, CLIENTS * most);
        const cost = memory(server, "VmHWM") - before;
        console.log(`${CLIENTS} clients, ${what}: ${cost} MiB`);
        assertLessOrEqual(cost, BOUND);
        // Whoever is next when one has gone is served, whatever the others leave unread.
        deaf.pop()![Symbol.dispose]();
        using next = await connectAgain(socket);
        await next.request({ type: READ, offset: 0n, length: 4096 });
        assertEquals(await next.readError(), 0);
      } finally {
        for (const client of deaf) client[Symbol.dispose]();
        await Promise.all(sending);
        server.kill("SIGKILL");
        await server.status;
        await errors;
        while (!(await lines.read()).done);
      }
    },
  );
}

function start(path: string, socket: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--allow-all", "tests/serve/children/served.ts"],
      ...[path, socket, `${CLIENTS}`],
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** What a process takes now, or has ever taken, in MiB. */
function memory({ pid }: Deno.ChildProcess, field: "VmRSS" | "VmHWM"): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const [, kib] = new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)!;
  return Math.round(Number(kib) / 1024);
}

/** Until a number has not changed for a second. */
async function untilStill(value: () => number): Promise<void> {
  for (let before = -1; before !== value();) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** The server sees a moment later that a client is gone. */
async function connectAgain(socket: string): Promise<RawClient> {
  for (let i = 0;; i++) {
    try {
      return await RawClient.ready(socket);
    } catch (error) {
      if (i === 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
