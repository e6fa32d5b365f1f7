/**
 * Structures on disks, each declared once as data. Reading, writing, changing a field in place, the place of a
 * field in errors, and "reserved is zero" follow from the declaration.
 *
 * ```ts
 * import { array, guid, u16, u32, u64, utf16, type ValueOf } from "./codec.ts";
 *
 * const POINT = layout("point", { size: 4, endian: "little" }, { x: [0, u16], y: [2, u16] });
 *
 * // Declare: name for errors, size and byte order, then each field with its offset. Bytes that no field names
 * // are left alone by patch(), and zero in what pack() makes.
 * const HEADER = layout("header", { size: 64, endian: "little" }, {
 *   signature: [0, signature("head")],
 *   checksum: [4, computed(u32)],
 *   // Exact below 2^53; larger ones come out as 2^53 or more.
 *   length: [8, u64],
 *   id: [16, guid],
 *   name: [32, utf16(8)],
 *   points: [48, array(POINT, 2)],
 *   reserved: [56, reserved(8)],
 * });
 * // What it reads and takes: neither signature, nor computed, nor reserved fields.
 * type Header = ValueOf<typeof HEADER>;
 *
 * // Write: new bytes, or fields in place, the others staying as their creator left them.
 * const id = "0f0f3c4e-3b1c-4a9f-8a52-7a4de21b2b60";
 * const made: Header = { length: 1, id, name: "a", points: [{ x: 1, y: 2 }, { x: 3, y: 4 }] };
 * const bytes = HEADER.pack(made);
 * HEADER.patch(bytes, { checksum: 0x1234, length: 2 });
 *
 * // Read. A last argument says where in the bytes the structure begins; too few are a ShortStructureError.
 * if (!HEADER.hasSignature(bytes)) throw new Error("another signature");
 * const { length, name } = HEADER.unpack(bytes);
 * const checksum = HEADER.get(bytes, "checksum"); // a single field, of however long a piece
 * console.log(length, name, checksum); // 2 a 4660
 *
 * // Point at a field of the structure at an offset of a file, for errors.
 * console.log(HEADER.place("length", 4096)); // { structure: "header", offset: 4104 }
 * console.log(4096 + HEADER.at.length); // 4104
 *
 * // Reserved bytes: the first one that is not zero, of each reserved field.
 * console.log(HEADER.nonZeroReserved(bytes)); // []
 * ```
 *
 * @module
 */
import { type AnyCodec, ascii, type Codec, raw } from "./codec.ts";
import { firstNonZero } from "./zeros.ts";

/** A field that is no part of what a structure says, for it follows from the rest or has no meaning. */
interface Silent<T> extends Codec<T> {
  readonly role: "signature" | "computed" | "reserved";
  /** Of a signature: its bytes. */
  readonly text?: string;
}

/** The text of one byte a character that a structure is known by. It is always written. */
export function signature(text: string): Silent<string> {
  const codec = ascii(text.length);
  return {
    type: `signature ${JSON.stringify(text)}`,
    role: "signature",
    text,
    size: codec.size,
    read: codec.read,
    write: (view, at) => codec.write(view, at, text, true),
  };
}

/** A checksum and the like, which is patched into the finished structure. */
export function computed<T>(codec: Codec<T>): Silent<T> {
  return { ...codec, role: "computed" };
}

/** What is to be zero: so many bytes, or a value of a codec. */
export function reserved(size: number): Silent<Uint8Array>;
export function reserved<T>(codec: Codec<T>): Silent<T>;
export function reserved<T>(what: number | Codec<T>): Silent<T> | Silent<Uint8Array> {
  if (typeof what === "number") return { ...raw(what), role: "reserved" };
  return { ...what, role: "reserved" };
}

/** Fields by name: the offset in the structure, and what is there. */
export type Fields = Readonly<Record<string, readonly [offset: number, codec: AnyCodec]>>;

/** What fields hold: all but silent ones. */
export type FieldValues<F extends Fields> = {
  readonly [K in keyof F as F[K][1] extends { readonly role: string } ? never : K]: FieldValue<
    F[K]
  >;
};

type FieldValue<F extends Fields[string]> = ReturnType<F[1]["read"]>;

/** What a patch changes; silent fields too. */
export type FieldChanges<F extends Fields> = { readonly [K in keyof F]?: FieldValue<F[K]> };

/** A place for errors and findings. */
export interface FieldPlace {
  /** The name of the structure. */
  readonly structure: string;
  /** Where the field begins. */
  readonly offset: number;
}

/** Bytes in a structure. */
export interface FieldRange {
  readonly offset: number;
  readonly length: number;
}

/** A structure that the bytes given are too short for: whoever gave them has checked too little. */
export class ShortStructureError extends Error {
  override readonly name = "ShortStructureError";

  /**
   * @param structure Its name.
   * @param offset Where it begins in the bytes.
   * @param length Bytes needed from there.
   * @param available Bytes given.
   */
  constructor(
    readonly structure: string,
    readonly offset: number,
    readonly length: number,
    readonly available: number,
  ) {
    super(`${structure}: ${length} bytes at ${offset} of ${available}`);
  }
}

/** Declares a structure. */
export function layout<const F extends Fields>(
  name: string,
  options: { readonly size: number; readonly endian: "little" | "big" },
  fields: F,
): Layout<F> {
  return new Layout(name, options, fields);
}

interface Member {
  readonly name: string;
  readonly offset: number;
  readonly codec: Codec<unknown>;
  readonly role: Silent<unknown>["role"] | undefined;
}

/** A declared structure: see {@linkcode layout}. It is a codec too, so that others can hold it. */
export class Layout<const F extends Fields> implements Codec<FieldValues<F>> {
  /** What errors call it. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  /** Where each field begins in the structure. */
  readonly at: { readonly [K in keyof F]: number };
  readonly #littleEndian: boolean;
  readonly #members: readonly Member[];
  /** Those that hold what the structure says. */
  readonly #values: readonly Member[];
  readonly #signatures: readonly Member[];
  readonly #reserved: readonly Member[];
  readonly #byName: ReadonlyMap<unknown, Member>;

  constructor(
    name: string,
    { size, endian }: { readonly size: number; readonly endian: "little" | "big" },
    fields: F,
  ) {
    this.type = name;
    this.size = size;
    this.#littleEndian = endian === "little";
    this.#members = membersOf(name, size, fields);
    this.#values = this.#members.filter(({ role }) => role === undefined);
    this.#signatures = this.#members.filter(({ role }) => role === "signature");
    this.#reserved = this.#members.filter(({ role }) => role === "reserved");
    this.#byName = new Map(this.#members.map((member) => [member.name, member]));
    this.at = Object.fromEntries(
      this.#members.map((member) => [member.name, member.offset]),
    ) as { readonly [K in keyof F]: number };
  }

  /** The place of a field in a structure that begins at `base`. */
  place(field: keyof F, base = 0): FieldPlace {
    return { structure: this.type, offset: base + this.#member(field).offset };
  }

  /** The bytes from a field up to the end of another one, or of itself. */
  range(first: keyof F, last: keyof F = first): FieldRange {
    const { offset } = this.#member(first);
    const end = this.#member(last);
    return { offset, length: end.offset + end.codec.size - offset };
  }

  /** Whether all of the structure lies within the bytes. */
  fits(bytes: Uint8Array, at = 0): boolean {
    return at >= 0 && at + this.size <= bytes.length;
  }

  /**
   * What the bytes say.
   *
   * @param at Where the structure begins in them.
   * @throws {ShortStructureError} If there are too few.
   */
  unpack(bytes: Uint8Array, at = 0): FieldValues<F> {
    return this.read(this.#view(bytes, at, 0, this.size), at);
  }

  /**
   * What one field says. The rest of the structure need not be there.
   *
   * @throws {ShortStructureError} If there are too few bytes.
   */
  get<K extends keyof F>(bytes: Uint8Array, field: K, at = 0): FieldValue<F[K]> {
    const { offset, codec } = this.#member(field);
    const view = this.#view(bytes, at, offset, codec.size);
    return codec.read(view, at + offset, this.#littleEndian) as FieldValue<F[K]>;
  }

  /** Whether all signatures are there; `false` too if there are too few bytes. */
  hasSignature(bytes: Uint8Array, at = 0): boolean {
    return this.#signatures.every(({ offset, codec }) => {
      const { text = "" } = codec as Silent<unknown>;
      for (let i = 0; i < text.length; i++) {
        if (bytes[at + offset + i] !== text.charCodeAt(i)) return false;
      }
      return true;
    });
  }

  /** New bytes, with zeros where nothing is said. */
  pack(value: FieldValues<F>): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.size);
    this.write(new DataView(bytes.buffer), 0, value);
    return bytes;
  }

  /**
   * Changes fields in place; everything else stays as it is.
   *
   * @throws {ShortStructureError} If there are too few bytes.
   */
  patch(bytes: Uint8Array, changes: FieldChanges<F>, at = 0): void {
    for (const name of Object.keys(changes)) {
      const { offset, codec } = this.#member(name);
      const view = this.#view(bytes, at, offset, codec.size);
      codec.write(view, at + offset, changes[name], this.#littleEndian);
    }
  }

  /**
   * The reserved fields that are not zero: the first byte of each that is not, counted from where the bytes
   * begin.
   *
   * @throws {ShortStructureError} If there are too few bytes.
   */
  nonZeroReserved(bytes: Uint8Array, at = 0): { offset: number; found: number }[] {
    return this.#reserved.flatMap(({ offset, codec }) => {
      this.#view(bytes, at, offset, codec.size);
      const start = at + offset;
      const index = firstNonZero(bytes.subarray(start, start + codec.size));
      return index === undefined ? [] : [{ offset: start + index, found: bytes[start + index]! }];
    });
  }

  /** Reads it where it is part of another structure. */
  read(view: DataView, at: number): FieldValues<F> {
    const value: Record<string, unknown> = {};
    for (const { name, offset, codec } of this.#values) {
      value[name] = codec.read(view, at + offset, this.#littleEndian);
    }
    return value as FieldValues<F>;
  }

  /** Writes values and signatures where it is part of another structure. */
  write(view: DataView, at: number, value: FieldValues<F>): void {
    const values = value as Readonly<Record<string, unknown>>;
    for (const { name, offset, codec } of this.#signatures) {
      codec.write(view, at + offset, values[name], this.#littleEndian);
    }
    for (const { name, offset, codec } of this.#values) {
      codec.write(view, at + offset, values[name], this.#littleEndian);
    }
  }

  #member(field: keyof F): Member {
    const member = this.#byName.get(field);
    if (member === undefined) throw new TypeError(`${this.type} has no field ${String(field)}`);
    return member;
  }

  #view(bytes: Uint8Array, at: number, offset: number, length: number): DataView {
    if (!(at >= 0 && at + offset + length <= bytes.length)) {
      throw new ShortStructureError(this.type, at, offset + length, bytes.length);
    }
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}

/** Fields in order; a declaration that contradicts itself ends here, when its module is loaded. */
function membersOf(name: string, size: number, fields: Fields): Member[] {
  const members = Object.entries(fields).map(([field, [offset, codec]]): Member => ({
    name: field,
    offset,
    codec: codec as unknown as Codec<unknown>,
    role: (codec as Partial<Silent<unknown>>).role,
  })).sort((a, b) => a.offset - b.offset);
  let end = 0;
  for (const member of members) {
    if (member.offset < end) throw new TypeError(`${name}.${member.name} overlaps another field`);
    end = member.offset + member.codec.size;
  }
  if (end > size) throw new TypeError(`${name} has ${size} bytes, its fields ${end}`);
  return members;
}
