/**
 * The functions of VirtDisk.dll, callable: those of the header, and some of them a second time for calls
 * that must not hold up the event loop.
 *
 * @module
 */
import { HEADER_FUNCTIONS } from "./ffi.ts";

/** The same function, on another thread. */
export type Elsewhere<N extends keyof typeof HEADER_FUNCTIONS> = (typeof HEADER_FUNCTIONS)[N] & {
  /** Its name in the library. */
  readonly name: N;
  /** Its result is a promise. */
  readonly nonblocking: true;
};

function elsewhere<const N extends keyof typeof HEADER_FUNCTIONS>(name: N): Elsewhere<N> {
  return { name, nonblocking: true, ...HEADER_FUNCTIONS[name] };
}

/** What `Deno.dlopen` takes; a name that ends in `Async` runs its function on another thread. */
export const VIRTDISK_FUNCTIONS: typeof HEADER_FUNCTIONS & {
  /** May wait for a server. */
  readonly OpenVirtualDiskAsync: Elsewhere<"OpenVirtualDisk">;
  /** Waits until the disk is there: production programs give it no OVERLAPPED. */
  readonly AttachVirtualDiskAsync: Elsewhere<"AttachVirtualDisk">;
  /** May wait for volumes to be dismounted. */
  readonly DetachVirtualDiskAsync: Elsewhere<"DetachVirtualDisk">;
  /** Takes no OVERLAPPED, but may take its time. */
  readonly BreakMirrorVirtualDiskAsync: Elsewhere<"BreakMirrorVirtualDisk">;
  /** Takes no OVERLAPPED, but may take its time. */
  readonly CompleteForkVirtualDiskAsync: Elsewhere<"CompleteForkVirtualDisk">;
} = {
  ...HEADER_FUNCTIONS,
  OpenVirtualDiskAsync: elsewhere("OpenVirtualDisk"),
  AttachVirtualDiskAsync: elsewhere("AttachVirtualDisk"),
  DetachVirtualDiskAsync: elsewhere("DetachVirtualDisk"),
  BreakMirrorVirtualDiskAsync: elsewhere("BreakMirrorVirtualDisk"),
  CompleteForkVirtualDiskAsync: elsewhere("CompleteForkVirtualDisk"),
};

/** The functions of VirtDisk.dll, callable. */
export type VirtDisk = Deno.DynamicLibrary<typeof VIRTDISK_FUNCTIONS>["symbols"];
