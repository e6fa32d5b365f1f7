/** Calls of VirtDisk.dll as no method makes them: what they are refused with is asked of a Windows. */
import { VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT } from "../../../src/constants.ts";
import { CallMemory } from "../../../src/native/call/memory.ts";
import { VIRTUAL_STORAGE_TYPE } from "../../../src/native/ffi/structs.ts";
import { wideString } from "../../../src/native/ffi/text.ts";
import { codeName, type Machine } from "./question.ts";

/** Memory as a function takes it. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A structure of so many bytes, with a 32-bit word at each offset; a bigint is one of 64 bits. */
export function structure(size: number, members: Readonly<Record<number, number | bigint>>): Bytes {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  for (const [offset, value] of Object.entries(members)) {
    if (typeof value === "bigint") view.setBigUint64(Number(offset), value, true);
    else view.setUint32(Number(offset), value, true);
  }
  return bytes;
}

/** VIRTUAL_STORAGE_TYPE. */
export function storageType(
  DeviceId: number,
  VendorId: string = VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
): Bytes {
  return VIRTUAL_STORAGE_TYPE.pack({ DeviceId, VendorId });
}

/** OPEN_VIRTUAL_DISK_PARAMETERS. */
export function openParameters(version: number, ...words: readonly number[]): Bytes {
  return structure(44, { 0: version, ...Object.fromEntries(words.map((w, i) => [4 + 4 * i, w])) });
}

/** What OpenVirtualDisk is given. */
export interface RawOpen {
  readonly type?: Bytes;
  readonly path: string;
  readonly mask?: number;
  readonly flags?: number;
  readonly parameters?: Bytes | null;
}

/** Calls OpenVirtualDisk; gives the code, and the handle of a success. */
export function callOpen({ libraries }: Machine, call: RawOpen): { code: number; handle: bigint } {
  const { type = storageType(0, NIL), path, mask = 0, flags = 0 } = call;
  const { parameters = openParameters(2) } = call;
  const handle = new BigUint64Array(1);
  const bytes = new Uint8Array(handle.buffer);
  const { OpenVirtualDisk } = libraries.virtdisk;
  const code = OpenVirtualDisk(type, wideString(path), mask, flags, parameters, bytes);
  return { code, handle: code === 0 ? handle[0]! : 0n };
}

/** The name of the code with which OpenVirtualDisk ends; what it opens is closed. */
export function opened(machine: Machine, call: RawOpen): string {
  const { code, handle } = callOpen(machine, call);
  if (code === 0) machine.libraries.kernel32.CloseHandle(handle);
  return codeName(code);
}

/** Opens a disk, has it used, and closes it. */
export async function withHandle<T>(
  machine: Machine,
  call: RawOpen,
  use: (handle: bigint) => T | Promise<T>,
): Promise<T | string> {
  const { code, handle } = callOpen(machine, call);
  if (code !== 0) return `not opened: ${codeName(code)}`;
  try {
    return await use(handle);
  } finally {
    machine.libraries.kernel32.CloseHandle(handle);
  }
}

/** What CreateVirtualDisk is given; the paths are those that the structure points to. */
export interface RawCreate {
  readonly path: string;
  readonly type?: Bytes;
  readonly flags?: number;
  readonly providerFlags?: number;
  readonly parent?: string;
  readonly source?: string;
  /** Further members of version 2, by their offsets; MaximumSize, at 24, is 64 MiB by default. */
  readonly members?: Readonly<Record<number, number | bigint>>;
}

/** The name of the code with which CreateVirtualDisk ends; a disk that it makes is closed. */
export function created({ libraries: { virtdisk, kernel32 } }: Machine, call: RawCreate): string {
  const { path, type = storageType(0, NIL), flags = 0, providerFlags = 0, members } = call;
  using memory = new CallMemory(kernel32);
  const address = (text?: string) => text === undefined ? 0n : memory.addressOfString(text);
  const parameters = structure(184, {
    0: 2,
    24: 64n << 20n,
    48: address(call.parent),
    56: address(call.source),
    ...members,
  });
  const handle = new BigUint64Array(1);
  const code = virtdisk.CreateVirtualDisk(
    type,
    wideString(path),
    0,
    null,
    flags,
    providerFlags,
    parameters,
    null,
    new Uint8Array(handle.buffer),
  );
  if (code === 0) kernel32.CloseHandle(handle[0]!);
  return codeName(code);
}

/** Both IDs of VIRTUAL_STORAGE_TYPE unknown: the extension decides. */
const NIL = "00000000-0000-0000-0000-000000000000";
