/**
 * The `serve` command: disks as network block devices.
 *
 * @module
 */
import { openVirtualDisk, type PortableVirtualDisk } from "../../portable.ts";
import { type DiskServer, type ServeEvent, serveVirtualDisk } from "../../serve.ts";
import { basename } from "../text/paths.ts";
import { shellWord } from "../text/shell.ts";
import { flag, IGNORE_CHILDREN, path, text, TYPE } from "./arguments.ts";
import { command } from "./command.ts";
import type { Command } from "./declaration.ts";
import { UsageError } from "./failure.ts";

const MAX_PORT = 65535;
/** Addresses that nobody but this machine reaches. */
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/;

const serve: Command = command({
  about:
    "Serves disks as network block devices (NBD), for reading unless --writable is given, and prints where: " +
    "Linux mounts them, QEMU boots from them, nbdcopy copies them. Ends on Ctrl-C, when everything is durable.",
  operands: "FILE...",
  options: {
    writable: flag("let clients write to the disks"),
    ignoreChildren: IGNORE_CHILDREN,
    socket: path(
      "PATH",
      "the Unix socket to make, for this user alone; default: one in a new folder for temporary files",
    ),
    port: {
      value: "PORT",
      about: "a TCP port instead, of this machine alone; 0: one that is free",
      parse: portNumber,
    },
    host: text(
      "ADDRESS",
      "with --port: the address, for other machines to reach it: there is no password and no encryption",
    ),
    name: text(
      "NAME",
      "what clients call the disk, if it is one; several have the names of their files",
    ),
    levels: flag("serve each parent too, as the disk that it is, under the name of its file"),
    type: TYPE,
    json: flag("one JSON object: path, uri, readOnly, exports"),
  },
  permissions: [
    { kind: "read", scope: "each FILE, its folder and its parents, and the socket" },
    {
      kind: "write",
      scope: "the folder for temporary files, where the socket is made",
      unless: ["--socket", "--port"],
      anywhere: true,
    },
    { kind: "write", scope: "the socket", with: ["--socket"] },
    { kind: "write", scope: "each FILE", with: ["--writable"] },
    { kind: "net", scope: "the socket (unix:PATH), or the address and port" },
    { kind: "sys", scope: "umask", with: ["--socket"] },
  ],
  notes:
    "Without --socket and --port, only this user can enter the folder that the socket is in. Windows has no such " +
    "sockets: there it is a port.",
  examples: [
    ["serve child.vhdx", "For reading, whatever the chain"],
    ["serve --writable --socket nbd.sock disk.vhdx", "For writing, at a socket of a name of yours"],
    ["serve --port 0 --levels child.vhdx", "At a port, each level by itself"],
  ],
  untilInterrupted: true,
  async run({ operands: files, options, report }) {
    const { socket, port, host, name, levels, type, writable, ignoreChildren } = options;
    if (socket !== undefined && port !== undefined) {
      throw new UsageError("serve: --socket and --port exclude each other");
    }
    if (host !== undefined && port === undefined) {
      throw new UsageError("serve: --host needs --port");
    }
    if (name !== undefined && files.length > 1) {
      throw new UsageError("serve: --name is for one FILE: several have the names of their files");
    }
    const [first] = files;
    let current = first;
    return await report.interruptible(() => current, async (signal) => {
      using stack = new DisposableStack();
      try {
        const disks: Record<string, PortableVirtualDisk> = {};
        for (const file of files) {
          current = file;
          const disk = stack.use(
            await openVirtualDisk(file, {
              backend: "portable",
              readOnly: !writable,
              ...(ignoreChildren ? { ignoreChildren } : {}),
              ...(type === undefined ? {} : { type }),
            }),
          );
          add(disks, files.length > 1 ? basename(file) : name ?? "", disk);
          for (const parent of levels ? disk.parents : []) {
            const level = await openVirtualDisk(parent, { backend: "portable" });
            add(disks, basename(parent), stack.use(level));
          }
        }
        const server = await serveVirtualDisk(disks, {
          ...(socket === undefined ? {} : { socket }),
          ...(port === undefined ? {} : { port }),
          ...(host === undefined ? {} : { host }),
          signal,
          onEvent: tellFailure,
        });
        const facts = factsOf(server, disks, writable);
        report.tellDone(first, facts, () => describe(server, disks, { writable, host }));
        await server.finished;
        return 0;
      } catch (error) {
        return report.fail(current, error);
      }
    });
  },
});

export default serve;

function portNumber(option: string, given: string): number {
  if (/^\d{1,5}$/.test(given) && Number(given) <= MAX_PORT) return Number(given);
  throw new UsageError(
    `serve: ${option} must be a whole number from 0 to ${MAX_PORT}, not ${JSON.stringify(given)}`,
  );
}

/** @throws {UsageError} If clients could not tell two disks apart. */
function add(disks: Record<string, PortableVirtualDisk>, name: string, disk: PortableVirtualDisk) {
  if (Object.hasOwn(disks, name)) {
    throw new UsageError(
      `serve: two disks would have the name ${JSON.stringify(name)}: serve one of them by itself`,
    );
  }
  disks[name] = disk;
}

/** Clients are told themselves; why is seen here alone. */
function tellFailure(event: ServeEvent): void {
  if (event.kind === "failed") {
    const message = event.error instanceof Error ? event.error.message : String(event.error);
    console.error(`virtdisk: serve: what a client asked for failed: ${message}`);
  } else if (event.kind === "refused") {
    console.error("virtdisk: serve: a client was turned away, for there are too many");
  }
}

function factsOf(
  { uri, uris }: DiskServer,
  disks: Readonly<Record<string, PortableVirtualDisk>>,
  writable: boolean,
): object {
  const exports = [...uris].map(([name, uri]) => ({ name, file: disks[name]!.path, uri }));
  return { uri, readOnly: !writable, exports };
}

function describe(
  { uri, uris }: DiskServer,
  disks: Readonly<Record<string, PortableVirtualDisk>>,
  { writable, host = "127.0.0.1" }: { writable: boolean; host: string | undefined },
): string {
  const places = [...uris].flatMap(([name, each]) => {
    const access = disks[name]!.readOnly ? "reading" : "writing";
    return [`${disks[name]!.path}: served for ${access} at`, `  ${each}`];
  });
  const isOpen = uri.startsWith("nbd:") && !LOOPBACK.test(host);
  const verb = writable ? "read and write" : "read";
  return [
    ...places,
    ...(isOpen
      ? [`Whoever reaches ${host} can ${verb} it: there is no password and no encryption.`]
      : []),
    "Use it from another terminal, for example:",
    ...usesOn(Deno.build.os, shellWord(uri), writable).map((line) => `  ${line}`),
    "Press Ctrl-C to end it; unmount first.",
  ].join("\n");
}

/** What programs do with it that are usual on a system. */
function usesOn(system: string, uri: string, writable: boolean): string[] {
  const boot = `qemu-system-x86_64 -m 2G -drive file=${uri},format=raw${
    writable ? "" : ",snapshot=on"
  }`;
  if (system === "windows") return [boot];
  const copy = `nbdcopy ${uri} disk.img`;
  if (system !== "linux") return [copy, boot];
  const mount = `mkdir -p nbd && nbdfuse ${writable ? "" : "--readonly "}nbd ${uri} &`;
  return [copy, `${mount}   # the disk as the file nbd/nbd`, boot];
}
