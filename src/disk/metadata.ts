/**
 * The user metadata of a VHDX: small blobs known by GUIDs, which programs keep beside the disk's data.
 *
 * @see {@link https://learn.microsoft.com/windows/win32/api/virtdisk/nf-virtdisk-setvirtualdiskmetadata}
 * @module
 */
import { BYTES, checkArgument, checkGuid } from "./arguments.ts";
import { NIL_GUID } from "../bytes/guid.ts";
import { virtualDiskError } from "../errors/error.ts";

/** Where the items are. Ids are lower-case GUIDs, and never all zero. */
export interface MetadataStore {
  /** The ids of all items. */
  keys(): string[];
  /** An item's bytes, for the caller to keep; `undefined` where there is none. */
  get(id: string): Uint8Array<ArrayBuffer> | undefined;
  /** Adds an item, or replaces it. */
  set(id: string, value: Uint8Array): void;
  /** Whether there was such an item. */
  delete(id: string): boolean;
}

const ENUMERATE = "EnumerateVirtualDiskMetadata";
const GET = "GetVirtualDiskMetadata";
const SET = "SetVirtualDiskMetadata";
const DELETE = "DeleteVirtualDiskMetadata";

/**
 * The user metadata items of an open VHDX, as a map from GUIDs to bytes. Nothing is cached: each call
 * asks the image, and fails with `ERROR_INVALID_HANDLE` once the disk is closed.
 *
 * An image holds up to 1024 items of at most 1 MiB each. Ids come back in lower case; they are taken in
 * either case, with or without braces.
 *
 * What the portable backend adds belongs to the image file: children do not have it, and merging leaves it
 * where it is. Programs may also have marked items as the disk's ([MS-VHDX] 2.6.1.2, IsVirtualDisk): children
 * are born with these, and merging brings them to the parent. An item that is replaced stays what it is.
 *
 * @example Remember where a disk came from
 * ```ts
 * import { createVirtualDisk } from "@virtdisk/virtdisk";
 *
 * const ORIGIN = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";
 * const folder = await Deno.makeTempDir();
 * using disk = await createVirtualDisk(`${folder}/disk.vhdx`, { size: 64 * 1024 * 1024 });
 * const { metadata } = disk;
 * metadata.set(ORIGIN, new TextEncoder().encode("build 1234"));
 * console.log(metadata.has(ORIGIN), metadata.size, metadata.keys()); // true 1 [ ORIGIN ]
 * console.log(new TextDecoder().decode(metadata.get(ORIGIN))); // build 1234
 * for (const [id, bytes] of metadata) console.log(id, bytes.length);
 * console.log(metadata.delete(ORIGIN)); // true
 * ```
 *
 * @category Information
 */
export class VirtualDiskMetadata implements Iterable<[string, Uint8Array<ArrayBuffer>]> {
  readonly #storeFor: (operation: string) => MetadataStore;

  /** @internal Made by the disk; `storeFor` throws where an operation is not possible. */
  constructor(storeFor: (operation: string) => MetadataStore) {
    this.#storeFor = storeFor;
  }

  /**
   * How many items there are.
   *
   * @throws {VirtualDiskError} As {@linkcode VirtualDiskMetadata.keys}.
   */
  get size(): number {
    return this.keys().length;
  }

  /**
   * The ids of all items.
   *
   * @returns Lower-case GUIDs.
   * @throws {VirtualDiskError} `ERROR_NOT_SUPPORTED` where the format has no metadata (VHD, ISO).
   */
  keys(): string[] {
    return this.#storeFor(ENUMERATE).keys();
  }

  /**
   * Reads an item.
   *
   * @param id A GUID.
   * @returns A copy of its bytes; `undefined` where there is no such item.
   * @throws {TypeError} Where `id` is no GUID.
   * @throws {VirtualDiskError} As {@linkcode VirtualDiskMetadata.keys}.
   */
  get(id: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#storeFor(GET).get(checkId(id, GET));
  }

  /**
   * Whether there is an item.
   *
   * @param id A GUID.
   * @returns `true` where `get(id)` gives bytes, even if there are none of them.
   * @throws {TypeError} Where `id` is no GUID.
   * @throws {VirtualDiskError} As {@linkcode VirtualDiskMetadata.keys}.
   */
  has(id: string): boolean {
    return this.keys().includes(checkId(id, GET));
  }

  /**
   * Adds an item, or replaces it. The disk must be open for writing.
   *
   * @param id A GUID, not all zero.
   * @param value Its bytes, at most 1 MiB; none is fine too.
   * @returns This object.
   * @throws {TypeError} Where `id` is no GUID or `value` no `Uint8Array`.
   * @throws {VirtualDiskError} `ERROR_VHD_METADATA_FULL` where there is no room, `ERROR_ACCESS_DENIED`
   * where the disk was opened for reading, `ERROR_VHD_INVALID_STATE` on the portable backend where images
   * in the same folder have this one as their parent, which would become invalid (see
   * `OpenOptions.ignoreChildren`), else as {@linkcode VirtualDiskMetadata.keys}.
   */
  set(id: string, value: Uint8Array): this {
    const store = this.#storeFor(SET);
    const checked = checkId(id, SET);
    store.set(checked, checkArgument(BYTES, value, "value"));
    return this;
  }

  /**
   * Removes an item. The disk must be open for writing.
   *
   * @param id A GUID.
   * @returns Whether there was such an item.
   * @throws {TypeError} Where `id` is no GUID.
   * @throws {VirtualDiskError} As {@linkcode VirtualDiskMetadata.set}.
   */
  delete(id: string): boolean {
    return this.#storeFor(DELETE).delete(checkId(id, DELETE));
  }

  /**
   * All items, each read when it is its turn; one that is removed meanwhile is left out.
   *
   * @returns Pairs of id and bytes.
   * @throws {VirtualDiskError} As {@linkcode VirtualDiskMetadata.keys}.
   */
  *entries(): IterableIterator<[string, Uint8Array<ArrayBuffer>]> {
    for (const id of this.keys()) {
      const value = this.get(id);
      if (value !== undefined) yield [id, value];
    }
  }

  /** As {@linkcode VirtualDiskMetadata.entries}. */
  [Symbol.iterator](): IterableIterator<[string, Uint8Array<ArrayBuffer>]> {
    return this.entries();
  }
}

function checkId(id: string, operation: string): string {
  const guid = checkGuid(id, "id");
  if (guid !== NIL_GUID) return guid;
  throw virtualDiskError("ERROR_INVALID_PARAMETER", operation, {
    reason: "a metadata item cannot have the id of all zeros",
  });
}
