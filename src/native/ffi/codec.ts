/**
 * How single values lie in memory on 64-bit Windows: numbers, BOOLs, GUIDs, addresses, arrays. Memory
 * is little-endian on every system that Windows runs on.
 *
 * @module
 */
import type { Codec as StoredCodec } from "../../bytes/codec.ts";
import * as stored from "../../bytes/codec.ts";
import { decodeUtf16, encodeUtf16 } from "../../bytes/utf16.ts";

/**
 * The members of the enclosing structure that lie before the one that is read.
 *
 * @category Structures
 */
export type Scope = Readonly<Record<string, unknown>>;

/**
 * How values of one type are written to memory and read from it.
 *
 * @category Structures
 */
export interface Codec<In, Out = In> {
  /** Name of the type, for example `"u32"`, `"pcwstr"` or `"VIRTUAL_STORAGE_TYPE"`. */
  readonly type: string;
  /** Bytes, as C's `sizeof`; of a flexible array, the bytes of the one element it is declared with. */
  readonly size: number;
  /** Bytes, as C's `alignof`. */
  readonly align: number;
  /** Bytes that a value takes: more than `size` for a flexible array with several elements. */
  readonly measure: (value: In) => number;
  /** Writes a value. */
  readonly write: (view: DataView, offset: number, value: In) => void;
  /** Reads a value. */
  readonly read: (view: DataView, offset: number, scope: Scope) => Out;
}

/** A codec whose type of value does not matter. */
export type AnyCodec = Codec<never, unknown>;

const LITTLE_ENDIAN = true;

/** What lies in memory as it does on disks: see `bytes/codec.ts`. */
function inMemory<T>(
  { type, size, read, write }: StoredCodec<T>,
  align: number = size,
): Codec<T> {
  return {
    type,
    size,
    align,
    measure: () => size,
    read: (view, offset) => read(view, offset, LITTLE_ENDIAN),
    write: (view, offset, value) => write(view, offset, value, LITTLE_ENDIAN),
  };
}

/** BYTE, UCHAR, BOOLEAN. */
export const u8: Codec<number> = inMemory(stored.u8);
/** USHORT. */
export const u16: Codec<number> = inMemory(stored.u16);
/** ULONG, DWORD, and every enumeration of virtdisk.h. */
export const u32: Codec<number> = inMemory(stored.u32);
/** ULONGLONG, ULONG64. */
export const u64: Codec<bigint> = inMemory(stored.bigU64);
/** ULONG_PTR. */
export const usize: Codec<bigint> = inMemory(stored.bigUnsigned("usize"));
/** HANDLE. */
export const handle: Codec<bigint> = inMemory(stored.bigUnsigned("handle"));
/** The address of a string that the callee reads; 0 is NULL. */
export const pcwstr: Codec<bigint> = inMemory(stored.bigUnsigned("pcwstr"));
/** The address of a string that the callee wrote; 0 is NULL. */
export const pwstr: Codec<bigint> = inMemory(stored.bigUnsigned("pwstr"));
/** Any other address; 0 is NULL. */
export const pvoid: Codec<bigint> = inMemory(stored.bigUnsigned("pvoid"));
/** BOOL: four bytes, of which any but zero mean true. */
export const bool: Codec<boolean> = inMemory({ ...stored.bool32, type: "bool" });
/** GUID, as lower-case text without braces. */
export const guid: Codec<string> = inMemory(stored.guid, 4);

/** An array of fixed length. */
export function array<T>(element: Codec<T>, length: number): Codec<readonly T[]> {
  const size = element.size * length;
  return {
    type: `${element.type}[${length}]`,
    size,
    align: element.align,
    measure: () => size,
    read: (view, offset, scope) => readElements(element, length, view, offset, scope),
    write: (view, offset, value) => {
      if (value.length !== length) {
        throw new RangeError(`${element.type}[${length}]: got ${value.length} elements`);
      }
      writeElements(element, view, offset, value);
    },
  };
}

/** An array at the end of a structure, with as many elements as an earlier member tells. */
export function flexible<T>(element: Codec<T>, countMember: string): Codec<readonly T[]> {
  return {
    type: `${element.type}[]`,
    size: element.size,
    align: element.align,
    measure: (value) => value.length * element.size,
    read: (view, offset, scope) => {
      const count = Number(scope[countMember]);
      const room = Math.floor((view.byteLength - offset) / element.size);
      if (count > room) {
        throw new RangeError(`${countMember} is ${count}, but there is room for ${room} elements`);
      }
      return readElements(element, count, view, offset, scope);
    },
    write: (view, offset, value) => writeElements(element, view, offset, value),
  };
}

/**
 * UTF-16 text at the end of a structure. Read, it is all that lies between there and the end of the
 * memory, without the NULs that end it: a multi-string keeps the NULs between its strings. Written, it
 * is ended by one NUL.
 */
export const wchars: Codec<string> = {
  type: "wchar[]",
  size: 2,
  align: 2,
  measure: (text) => 2 * (text.length + 1),
  read: (view, offset) => {
    const text = decodeUtf16(bytesOf(view, offset, view.byteLength - offset));
    let end = text.length;
    while (end > 0 && text.charCodeAt(end - 1) === 0) end--;
    return text.slice(0, end);
  },
  write: (view, offset, text) => {
    const encoded = encodeUtf16(text + "\0");
    bytesOf(view, offset, encoded.length).set(encoded);
  },
};

function readElements<T>(
  element: Codec<T>,
  count: number,
  view: DataView,
  offset: number,
  scope: Scope,
): T[] {
  return Array.from(
    { length: count },
    (_, i) => element.read(view, offset + i * element.size, scope),
  );
}

function writeElements<T>(
  element: Codec<T>,
  view: DataView,
  offset: number,
  values: readonly T[],
): void {
  values.forEach((value, i) => element.write(view, offset + i * element.size, value));
}

function bytesOf(view: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, length);
}
