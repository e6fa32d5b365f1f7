/**
 * How single values lie in bytes: numbers, GUIDs, text, arrays. Structures are made of them: see
 * {@linkcode layout} for those on disks.
 *
 * @module
 */
import { quoted } from "../text/quoted.ts";
import { readGuid, writeGuid } from "./guid.ts";
import { decodeUtf16Z, encodeUtf16 } from "./utf16.ts";

/** How values of one type are written to bytes and read from them. Callers see to it that the bytes are there. */
export interface Codec<In, Out = In> {
  /** Name of the type: `"u32"`. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Reads a value. */
  readonly read: (view: DataView, at: number, littleEndian: boolean) => Out;
  /**
   * Writes a value over all of its bytes.
   *
   * @throws {TypeError} If the value is of another type.
   * @throws {RangeError} If it does not fit.
   */
  readonly write: (view: DataView, at: number, value: In, littleEndian: boolean) => void;
}

/** A codec whose type of value does not matter. */
export type AnyCodec = Codec<never, unknown>;

/** What a codec, or a whole structure, reads. */
export type ValueOf<C extends AnyCodec> = ReturnType<C["read"]>;

/** One byte. */
export const u8: Codec<number> = {
  type: "u8",
  size: 1,
  read: (view, at) => view.getUint8(at),
  write: (view, at, value) => view.setUint8(at, integer(value, "u8", 0, 0xff)),
};

/** One byte, signed. */
export const i8: Codec<number> = {
  type: "i8",
  size: 1,
  read: (view, at) => view.getInt8(at),
  write: (view, at, value) => view.setInt8(at, integer(value, "i8", -0x80, 0x7f)),
};

/** Two bytes. */
export const u16: Codec<number> = {
  type: "u16",
  size: 2,
  read: (view, at, little) => view.getUint16(at, little),
  write: (view, at, value, little) => view.setUint16(at, integer(value, "u16", 0, 0xffff), little),
};

/** Four bytes. */
export const u32: Codec<number> = {
  type: "u32",
  size: 4,
  read: (view, at, little) => view.getUint32(at, little),
  write: (view, at, value, little) =>
    view.setUint32(at, integer(value, "u32", 0, 0xffff_ffff), little),
};

/**
 * Eight bytes, as a number: an offset, a size, a count. Read, it is exact below 2^53; what is larger comes out
 * as 2^53 or more, so that a bound below that, which every offset and size has, refuses it. Written, it must
 * be a safe integer.
 */
export const u64: Codec<number> = {
  type: "u64",
  size: 8,
  // Two halves: a bigint in between takes four times as long.
  read: (view, at, little) =>
    view.getUint32(little ? at + 4 : at, little) * 2 ** 32 +
    view.getUint32(little ? at : at + 4, little),
  write: (view, at, value, little) => {
    const number = integer(value, "u64", 0, Number.MAX_SAFE_INTEGER);
    view.setUint32(little ? at + 4 : at, Math.floor(number / 2 ** 32), little);
    view.setUint32(little ? at : at + 4, number % 2 ** 32, little);
  },
};

/** Eight bytes, all of whose values matter: a sequence number, a mask. */
export const bigU64: Codec<bigint> = bigUnsigned("u64");

/** Eight bytes that errors call by another name. */
export function bigUnsigned(type: string): Codec<bigint> {
  return {
    type,
    size: 8,
    read: (view, at, little) => view.getBigUint64(at, little),
    write: (view, at, value, little) => {
      if (typeof value !== "bigint") {
        throw new TypeError(`${type} must be a bigint, got ${String(value)}`);
      }
      if (BigInt.asUintN(64, value) !== value) {
        throw new RangeError(`${type} must be from 0 to 2^64 - 1, got ${value}`);
      }
      view.setBigUint64(at, value, little);
    },
  };
}

/** A GUID in the mixed order of Windows, as lower-case text without braces. */
export const guid: Codec<string> = {
  type: "guid",
  size: 16,
  read: (view, at) => readGuid(bytesOf(view, at, 16)),
  write: (view, at, value) => writeGuid(bytesOf(view, at, 16), 0, value),
};

/** Bytes as they are. What is read is a view of them, no copy. */
export function raw(size: number): Codec<Uint8Array> {
  const type = `raw[${size}]`;
  return {
    type,
    size,
    read: (view, at) => bytesOf(view, at, size),
    write: (view, at, value) => {
      if (value.length !== size) {
        throw new RangeError(`${type} must have ${size} bytes, got ${value.length}`);
      }
      bytesOf(view, at, size).set(value);
    },
  };
}

/** Text of one byte a character, up to the first NUL or to the end. Written, NULs fill the rest. */
export function ascii(size: number): Codec<string> {
  const type = `ascii[${size}]`;
  return {
    type,
    size,
    read: (view, at) => {
      const bytes = bytesOf(view, at, size);
      const end = bytes.indexOf(0);
      return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
    },
    write: (view, at, value) => {
      if (value.length > size) {
        throw new RangeError(`${type} has no room for ${value.length} characters`);
      }
      for (let i = 0; i < size; i++) {
        const code = i < value.length ? value.charCodeAt(i) : 0;
        if (code > 0xff) throw new RangeError(`${type} cannot hold ${quoted(value)}`);
        view.setUint8(at + i, code);
      }
    },
  };
}

/** UTF-16 text up to the first NUL or to the end. Written, NULs fill the rest. */
export function utf16(units: number): Codec<string> {
  const type = `utf16[${units}]`;
  const size = 2 * units;
  return {
    type,
    size,
    read: (view, at, little) => decodeUtf16Z(bytesOf(view, at, size), little),
    write: (view, at, value, little) => {
      if (value.length > units) {
        throw new RangeError(`${type} has no room for ${value.length} units`);
      }
      const bytes = bytesOf(view, at, size);
      bytes.fill(0).set(encodeUtf16(value, little));
    },
  };
}

/** So many values in a row, of any codec or structure. */
export function array<In, Out>(
  element: Codec<In, Out>,
  length: number,
): Codec<readonly In[], Out[]> {
  const type = `${element.type}[${length}]`;
  return {
    type,
    size: element.size * length,
    read: (view, at, little) => {
      const values: Out[] = [];
      for (let i = 0; i < length; i++) {
        values.push(element.read(view, at + i * element.size, little));
      }
      return values;
    },
    write: (view, at, values, little) => {
      if (values.length !== length) throw new RangeError(`${type} got ${values.length} elements`);
      values.forEach((value, i) => element.write(view, at + i * element.size, value, little));
    },
  };
}

/** A value that means something else than what is stored. */
export function mapped<In, Out, T>(
  codec: Codec<In, Out>,
  fromStored: (stored: Out) => T,
  toStored: (value: T) => In,
): Codec<T> {
  return {
    type: codec.type,
    size: codec.size,
    read: (view, at, little) => fromStored(codec.read(view, at, little)),
    write: (view, at, value, little) => codec.write(view, at, toStored(value), little),
  };
}

/** One byte, of which any but zero means true. */
export const bool8: Codec<boolean> = truth(u8);
/** Four bytes, of which any but zero mean true. */
export const bool32: Codec<boolean> = truth(u32);

function truth(codec: Codec<number>): Codec<boolean> {
  return mapped(codec, (stored) => stored !== 0, (value) => {
    if (typeof value === "boolean") return value ? 1 : 0;
    throw new TypeError(`a bool must be true or false, got ${String(value)}`);
  });
}

/** A value that is little-endian in whatever structure. */
export function littleEndian<In, Out>(codec: Codec<In, Out>): Codec<In, Out> {
  return inOrder(codec, true);
}

/** A value that is big-endian in whatever structure. */
export function bigEndian<In, Out>(codec: Codec<In, Out>): Codec<In, Out> {
  return inOrder(codec, false);
}

function inOrder<In, Out>(codec: Codec<In, Out>, little: boolean): Codec<In, Out> {
  return {
    type: codec.type,
    size: codec.size,
    read: (view, at) => codec.read(view, at, little),
    write: (view, at, value) => codec.write(view, at, value, little),
  };
}

/** A value of both byte orders. The two can differ in a damaged structure. */
export interface Both<T> {
  readonly little: T;
  readonly big: T;
}

/** A value that is stored twice: little-endian, and big-endian right behind (ECMA-119 7.2.3, 7.3.3). */
export function both<T>(codec: Codec<T>): Codec<Both<T>> {
  const { size } = codec;
  return {
    type: `both ${codec.type}`,
    size: 2 * size,
    read: (view, at) => ({
      little: codec.read(view, at, true),
      big: codec.read(view, at + size, false),
    }),
    write: (view, at, value) => {
      codec.write(view, at, value.little, true);
      codec.write(view, at + size, value.big, false);
    },
  };
}

function integer(value: number, type: string, min: number, max: number): number {
  if (typeof value !== "number") {
    throw new TypeError(`${type} must be a number, got ${String(value)}`);
  }
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${type} must be an integer from ${min} to ${max}, got ${value}`);
}

function bytesOf(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}
