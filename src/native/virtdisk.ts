/**
 * The functions of VirtDisk.dll, callable: those of the header, and some of them a second time for calls
 * that must not hold up the event loop.
 *
 * @module
 */
import { HEADER_FUNCTIONS } from "./ffi.ts";

/** The same parameters, with addresses in the place of buffers. */
export type Addresses<P extends readonly unknown[]> = {
  readonly [K in keyof P]: P[K] extends "buffer" ? "u64" : P[K];
};

/** The same function, on memory that is not the script's. */
export type ByAddress<N extends keyof typeof HEADER_FUNCTIONS> =
  & Omit<(typeof HEADER_FUNCTIONS)[N], "parameters">
  & {
    /** Its name in the library. */
    readonly name: N;
    /** Addresses, and what else it takes. */
    readonly parameters: Addresses<(typeof HEADER_FUNCTIONS)[N]["parameters"]>;
  };

function byAddress<const N extends keyof typeof HEADER_FUNCTIONS>(name: N): ByAddress<N> {
  const { parameters, ...rest } = HEADER_FUNCTIONS[name];
  const types = parameters.map((type) => type === "buffer" ? "u64" : type);
  return { name, ...rest, parameters: types } as unknown as ByAddress<N>;
}

/** The same function, on another thread, which may outlast that of the script: on memory that is not the script's. */
export type Elsewhere<N extends keyof typeof HEADER_FUNCTIONS> = ByAddress<N> & {
  /** Its result is a promise. */
  readonly nonblocking: true;
};

function elsewhere<const N extends keyof typeof HEADER_FUNCTIONS>(name: N): Elsewhere<N> {
  return { ...byAddress(name), nonblocking: true };
}

/**
 * What `Deno.dlopen` takes; a name that ends in `Async` runs its function on another thread. Both that and one that
 * ends in `At` take addresses.
 */
export const VIRTDISK_FUNCTIONS: typeof HEADER_FUNCTIONS & {
  /** May outlast its thread. */
  readonly CreateVirtualDiskAt: ByAddress<"CreateVirtualDisk">;
  /** May outlast its thread. */
  readonly CompactVirtualDiskAt: ByAddress<"CompactVirtualDisk">;
  /** May outlast its thread. */
  readonly MergeVirtualDiskAt: ByAddress<"MergeVirtualDisk">;
  /** May outlast its thread. */
  readonly ExpandVirtualDiskAt: ByAddress<"ExpandVirtualDisk">;
  /** May outlast its thread. */
  readonly ResizeVirtualDiskAt: ByAddress<"ResizeVirtualDisk">;
  /** May outlast its thread. */
  readonly MirrorVirtualDiskAt: ByAddress<"MirrorVirtualDisk">;
  /** May outlast its thread. */
  readonly ForkVirtualDiskAt: ByAddress<"ForkVirtualDisk">;
  /** May outlast its thread. */
  readonly GetVirtualDiskOperationProgressAt: ByAddress<"GetVirtualDiskOperationProgress">;
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
  CreateVirtualDiskAt: byAddress("CreateVirtualDisk"),
  CompactVirtualDiskAt: byAddress("CompactVirtualDisk"),
  MergeVirtualDiskAt: byAddress("MergeVirtualDisk"),
  ExpandVirtualDiskAt: byAddress("ExpandVirtualDisk"),
  ResizeVirtualDiskAt: byAddress("ResizeVirtualDisk"),
  MirrorVirtualDiskAt: byAddress("MirrorVirtualDisk"),
  ForkVirtualDiskAt: byAddress("ForkVirtualDisk"),
  GetVirtualDiskOperationProgressAt: byAddress("GetVirtualDiskOperationProgress"),
  OpenVirtualDiskAsync: elsewhere("OpenVirtualDisk"),
  AttachVirtualDiskAsync: elsewhere("AttachVirtualDisk"),
  DetachVirtualDiskAsync: elsewhere("DetachVirtualDisk"),
  BreakMirrorVirtualDiskAsync: elsewhere("BreakMirrorVirtualDisk"),
  CompleteForkVirtualDiskAsync: elsewhere("CompleteForkVirtualDisk"),
};

/** The functions of VirtDisk.dll, callable. */
export type VirtDisk = Deno.DynamicLibrary<typeof VIRTDISK_FUNCTIONS>["symbols"];
