/**
 * Which backend a door leads to: the type of its disks, and the native one's code, which only Windows loads.
 *
 * @module
 */
import { type Backend, backendOf } from "./disk/arguments.ts";
import { virtualDiskError } from "./errors/error.ts";
import type { NativeVirtualDisk } from "./native/native_disk.ts";
import type { PortableVirtualDisk } from "./portable/portable_disk.ts";

/**
 * The disk that a backend opens. `disk.backend` tells which one it is, if that is not known before.
 *
 * @category Opening
 */
export type VirtualDiskOf<B extends Backend> = B extends "portable" ? PortableVirtualDisk
  : B extends "native" ? NativeVirtualDisk
  : NativeVirtualDisk | PortableVirtualDisk;

/** The backend that an option asks for; by itself the native one is not chosen for what it cannot open. */
export function backendFor(choice: Backend | undefined, source: unknown): "native" | "portable" {
  const isPath = typeof source === "string" || source instanceof URL && source.protocol === "file:";
  const isAuto = choice === undefined || choice === "auto";
  return isAuto && !isPath ? "portable" : backendOf(choice);
}

type NativeBackend = typeof import("./native/backend.ts");

/**
 * Loaded on Windows alone, where it is the default: elsewhere it could not be used, and would be a fifth of all that
 * is loaded. It is here before any door is used, because those of the Sync twins cannot wait for it.
 */
const native: NativeBackend | undefined = Deno.build.os === "windows"
  ? await holdingMessages(() => import("./native/backend.ts"))
  : undefined;

/** The native backend; `undefined` off Windows. */
export function nativeIfHere(): NativeBackend | undefined {
  return native;
}

/**
 * The native backend.
 *
 * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` off Windows.
 */
export function nativeBackend(): NativeBackend {
  if (native !== undefined) return native;
  throw virtualDiskError("ERROR_NOT_SUPPORTED", "OpenVirtualDisk", {
    reason: "the native backend needs Windows",
    causes: ['The portable backend opens images here: use { backend: "portable" }.'],
  });
}

/**
 * Loads modules so that a worker loses no message meanwhile. Deno hands a worker its messages also while its modules
 * wait for another, when nobody listens yet: they are held, and come again when the worker's own module has run.
 */
export async function holdingMessages<T>(load: () => Promise<T>): Promise<T> {
  if (!("WorkerGlobalScope" in globalThis)) return await load();
  const held: MessageEvent[] = [];
  const hold = (event: Event) => {
    event.stopImmediatePropagation();
    held.push(event as MessageEvent);
  };
  addEventListener("message", hold, { capture: true });
  try {
    return await load();
  } finally {
    setTimeout(() => {
      removeEventListener("message", hold, { capture: true });
      for (const { data, ports } of held) {
        dispatchEvent(new MessageEvent("message", { data, ports: [...ports] }));
      }
    });
  }
}
