/**
 * The native backend: VirtDisk.dll of Windows.
 *
 * @module
 */
import type { InformationKind, VirtualDiskInformation } from "../information.ts";
import type { OpenRequest } from "../open_request.ts";
import { VirtualDisk } from "../virtual_disk.ts";
import type { Handle } from "./handle.ts";
import { readInformation } from "./information_classes.ts";
import { type Libraries, systemLibraries } from "./library.ts";
import { type OpenedImage, openImage, openImageAsync } from "./open.ts";

/** A disk that Windows opened. */
export class NativeVirtualDisk extends VirtualDisk {
  /** Always `"native"`. */
  override readonly backend = "native";
  readonly #libraries: Libraries;
  readonly #handle: Handle;

  /** @internal */
  constructor(libraries: Libraries, { path, handle }: OpenedImage) {
    super(path);
    this.#libraries = libraries;
    this.#handle = handle;
  }

  /**
   * The handle, for functions of the raw layer. The disk closes it.
   *
   * @throws {VirtualDiskError} `ERROR_INVALID_HANDLE` after `close()`.
   */
  get handle(): bigint {
    this.assertOpen("NativeVirtualDisk.handle");
    return this.#handle.value;
  }

  /** Calls GetVirtualDiskInformation. */
  protected override queryInformation<K extends InformationKind>(
    kind: K,
  ): VirtualDiskInformation[K] {
    const { virtdisk } = this.#libraries;
    return readInformation({ virtdisk, handle: this.#handle.value, path: this.path }, kind);
  }

  /** Calls CloseHandle. */
  protected override release(): void {
    this.#handle.close();
  }
}

/**
 * Opens an image by OpenVirtualDisk.
 *
 * @throws {VirtualDiskError} With the code that OpenVirtualDisk returns; `ERROR_NOT_SUPPORTED` off Windows;
 * `ERROR_MOD_NOT_FOUND` where Windows has no VirtDisk.dll.
 * @throws {Deno.errors.NotCapable} Without `--allow-ffi` for VirtDisk.dll and kernel32.dll.
 */
export function openNative(
  request: OpenRequest,
  libraries: Libraries = systemLibraries(),
): NativeVirtualDisk {
  return new NativeVirtualDisk(libraries, openImage(libraries, request));
}

/** As {@linkcode openNative}, without holding up the event loop. */
export async function openNativeAsync(
  request: OpenRequest,
  libraries?: Libraries,
): Promise<NativeVirtualDisk> {
  const loaded = libraries ?? systemLibraries();
  return new NativeVirtualDisk(loaded, await openImageAsync(loaded, request));
}
