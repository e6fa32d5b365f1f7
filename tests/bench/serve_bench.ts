/** Serving a disk, beside what others serve: qemu-nbd the same image, and nbdkit the same bytes in a flat file. */
import { createImage } from "../create_image.ts";
import { ROOT, run, TempDir, tool } from "../support.ts";
import { DISK_SIZE, makeFlatFile, makeImages } from "./images.ts";
import { compareLong, type LongContender } from "./measure.ts";

const NEEDED = ["qemu-img", "qemu-nbd", "nbdkit", "nbdcopy"];
const SECTOR_READS = 5_000;
/** Between two reads: far from each other, and never the same twice. */
const STEP = 97 * 4096;

/** A server that runs between `start` and `stop`. */
interface Peer {
  readonly name: string;
  command(path: string, socket: string, writable: boolean): string[];
  /** What is served. */
  readonly format: "vpc" | "vhdx" | "raw";
}

/** Measures copies and single reads of each kind of image. */
export async function benchServing(): Promise<void> {
  const missing = NEEDED.filter((program) => tool(program)() !== undefined);
  if (missing.length > 0) return console.log(`\nServing: not without ${missing.join(", ")}`);
  using dir = new TempDir();
  const flat = makeFlatFile(dir);
  for (const { name, path, qemuFormat } of makeImages(dir, flat)) {
    const peers = [qemuNbd(qemuFormat), ours(qemuFormat), nbdkit()] as const;
    const at = (peer: Peer) => (peer.format === "raw" ? flat : path);
    const [{ name: theirs }, { name: us }] = peers;
    // At least as fast as qemu-nbd; with a VHD, twice as fast.
    const goals = [{ of: theirs, to: us, atLeast: qemuFormat === "vpc" ? 2 : 1 }];
    await compareLong({
      title: `Copying a served ${name} of 1 GiB, half data, to nowhere`,
      operation: "copy",
      goals,
      contenders: peers.map((peer) =>
        contender(dir, peer, () => at(peer), false, (uri) => client("nbdcopy", uri, "null:"))
      ),
    });
    for (const depth of [1, 16]) {
      await compareLong({
        title: `${SECTOR_READS} scattered reads of 4 KiB of a served ${name}, ${depth} at a time`,
        operation: "all reads",
        goals,
        contenders: peers.map((peer) =>
          contender(dir, peer, () => at(peer), false, (uri) => scatteredReads(uri, depth))
        ),
      });
    }
    const target = dir.file(`target.${qemuFormat}`);
    await compareLong({
      title: `Copying 1 GiB, half data, onto a served ${name}`,
      operation: "copy",
      goals,
      contenders: peers.map((peer) => {
        const image = () => makeTarget(target, peer.format);
        return contender(dir, peer, image, true, (uri) => client("nbdcopy", "--flush", flat, uri));
      }),
    });
  }
  await stopServer();
}

/** An empty dynamic image, or file; gives its path. */
async function makeTarget(path: string, format: Peer["format"]): Promise<string> {
  run("rm", "-f", path);
  if (format === "raw") run("truncate", "-s", String(DISK_SIZE), path);
  else {
    const type = format === "vpc" ? "vhd" : "vhdx";
    (await createImage(path, { size: DISK_SIZE, type })).close();
  }
  return path;
}

function contender(
  dir: TempDir,
  peer: Peer,
  image: () => string | Promise<string>,
  writable: boolean,
  use: (uri: string) => Promise<void>,
): LongContender {
  const socket = dir.file(`${peer.name.replaceAll(" ", "-")}.sock`);
  return {
    name: peer.name,
    prepare: async () => {
      await stopServer();
      // Not every server removes its socket.
      run("rm", "-f", socket);
      const [program = "", ...args] = peer.command(await image(), socket, writable);
      server = new Deno.Command(program, { args, cwd: ROOT, stdout: "null", stderr: "null" })
        .spawn();
      await listening(socket);
    },
    run: async () => {
      await use(`nbd+unix:///?socket=${socket}`);
    },
  };
}

let server: Deno.ChildProcess | undefined;

async function stopServer(): Promise<void> {
  if (server === undefined) return;
  server.kill("SIGTERM");
  await server.status;
  server = undefined;
}

/** Waits until somebody listens at the socket. */
async function listening(path: string): Promise<void> {
  while (true) {
    try {
      return (await Deno.connect({ transport: "unix", path })).close();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function qemuNbd(format: Peer["format"]): Peer {
  const access = (writable: boolean) => writable ? [] : ["--read-only"];
  return {
    name: "qemu-nbd",
    format,
    command: (path, socket, writable) => [
      "qemu-nbd",
      ...access(writable),
      "--persistent",
      "--shared=16",
      "--discard=unmap",
      "-f",
      format,
      "-k",
      socket,
      path,
    ],
  };
}

function ours(format: Peer["format"]): Peer {
  return {
    name: "virtdisk serve",
    format,
    command: (path, socket, writable) => [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-check",
      "src/cli/main.ts",
      "serve",
      ...(writable ? ["--writable"] : []),
      "--socket",
      socket,
      path,
    ],
  };
}

function nbdkit(): Peer {
  return {
    name: "nbdkit file",
    format: "raw",
    command: (path, socket, writable) => [
      "nbdkit",
      "--foreground",
      ...(writable ? [] : ["--readonly"]),
      "--unix",
      socket,
      "file",
      path,
    ],
  };
}

function scatteredReads(uri: string, depth: number): Promise<void> {
  const count = ["-c", String(SECTOR_READS), "-d", String(depth)];
  return client("qemu-img", "bench", "-f", "raw", ...count, "-s", "4096", "-S", String(STEP), uri);
}

async function client(program: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr)}`);
}

if (import.meta.main) await benchServing();
