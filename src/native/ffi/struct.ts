/**
 * C structures, declared as data. Offsets, size and alignment follow from the declaration by the rules
 * of the C compilers for 64-bit Windows: a member lies at the next multiple of its alignment, a union is
 * as large as its largest arm, and a structure is a multiple of its alignment long.
 *
 * @module
 */
import type { AnyCodec, Codec, Scope } from "./codec.ts";

/** Members in the order of the declaration. */
export type Fields = Readonly<Record<string, AnyCodec>>;

/** What members hold. */
export type FieldsValue<F extends Fields> = { readonly [K in keyof F]: ReturnType<F[K]["read"]> };

/** An anonymous union of which an earlier member tells the arm that holds. */
export class TaggedUnion<
  const Tag extends string,
  const Arms extends Readonly<Record<number, Fields>>,
> {
  /** @param tag The member that tells. @param arms By its value. */
  constructor(readonly tag: Tag, readonly arms: Arms) {}
}

/** An anonymous union of which only the user knows the arm that holds. */
export class FreeUnion<const Arms extends readonly Fields[]> {
  /** @param arms Each arm is an anonymous structure. */
  constructor(readonly arms: Arms) {}
}

/** A run of members, or a union among them. */
export type Part =
  | Fields
  | TaggedUnion<string, Readonly<Record<number, Fields>>>
  | FreeUnion<readonly Fields[]>;

/** What parts hold together. */
export type PartsValue<P extends readonly unknown[]> = P extends readonly [infer H, ...infer Rest]
  ? PartValue<H> & PartsValue<Rest>
  : unknown;

type PartValue<P> = P extends TaggedUnion<infer Tag, infer Arms>
  ? { [N in keyof Arms]: { readonly [K in Tag]: N } & ArmValue<Arms[N]> }[keyof Arms]
  : P extends FreeUnion<infer Arms> ? Partial<PartsValue<Arms>>
  : P extends Fields ? FieldsValue<P>
  : never;

type ArmValue<A> = A extends Fields ? FieldsValue<A> : never;

/**
 * Where a member lies.
 *
 * @category Structures
 */
export interface FieldLayout {
  /** Its name, after those of the members that it lies in: `"Version2.ReadOnly"`. */
  readonly path: string;
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** The name of its codec. */
  readonly type: string;
}

/**
 * A structure: how a value of type `T` lies in memory.
 *
 * @category Structures
 */
export interface Struct<T> extends Codec<T> {
  /** Every member, those of nested structures and of all arms included. */
  readonly fields: readonly FieldLayout[];
  /**
   * The memory of a value: all of the structure, whichever arm is used, with zeros where nothing is
   * said.
   *
   * @throws {TypeError} Where a member has a value of the wrong kind, or two arms disagree.
   * @throws {RangeError} Where a number does not fit, or the tag tells no arm.
   */
  readonly pack: (value: T) => Uint8Array<ArrayBuffer>;
  /**
   * The value that memory holds: of a tagged union, the arm told; of a free union, every arm.
   *
   * @throws {RangeError} Where there are too few bytes, or the tag tells no arm.
   */
  readonly unpack: (bytes: Uint8Array) => T;
}

interface Member {
  readonly name: string;
  readonly codec: AnyCodec;
  readonly offset: number;
}

/** Members that lie in a place of their own: a single one, or the arms of a union. */
interface Group {
  readonly tag?: string;
  readonly offset: number;
  readonly size: number;
  readonly arms: ReadonlyMap<number, readonly Member[]>;
}

/** Declares a structure. */
export function struct<const P extends readonly Part[]>(
  type: string,
  ...parts: P
): Struct<PartsValue<P>> {
  const { groups, end, align } = place(parts);
  const size = alignUp(end, align);
  const members = groups.flatMap((group) => [...group.arms.values()].flat());

  const measure = (value: unknown): number => {
    const lengths = members.map(({ name, codec, offset }) => {
      const member = (value as Scope)[name];
      return member === undefined ? 0 : offset + codec.measure(member as never);
    });
    return Math.max(size, ...lengths);
  };
  const write = (view: DataView, offset: number, value: unknown): void => {
    for (const group of groups) writeGroup(type, group, view, offset, value as Scope);
  };
  const read = (view: DataView, offset: number): PartsValue<P> => {
    const value: Record<string, unknown> = {};
    for (const group of groups) {
      const arms = group.tag === undefined
        ? [...group.arms.values()]
        : [armOf(type, group, group.tag, value)];
      for (const member of arms.flat()) {
        value[member.name] = member.codec.read(view, offset + member.offset, value);
      }
    }
    return value as PartsValue<P>;
  };
  return {
    type,
    size,
    align,
    fields: members.flatMap(layoutOf),
    measure,
    write,
    read,
    pack: (value) => {
      const bytes = new Uint8Array(measure(value));
      write(new DataView(bytes.buffer), 0, value);
      return bytes;
    },
    unpack: (bytes) => {
      if (bytes.length < size) {
        throw new RangeError(`${type} takes ${size} bytes, got ${bytes.length}`);
      }
      return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
    },
  };
}

function place(parts: readonly Part[]): { groups: Group[]; end: number; align: number } {
  const groups: Group[] = [];
  let end = 0;
  let align = 1;
  for (const { tag, arms } of parts.flatMap(armsOf)) {
    const codecs = arms.flatMap(([, fields]) => Object.values(fields));
    const groupAlign = Math.max(...codecs.map((codec) => codec.align));
    const offset = alignUp(end, groupAlign);
    const placed = arms.map(([key, fields]) => [key, placeFields(fields, offset)] as const);
    const ends = placed.flatMap(([, members]) => members.map((m) => m.offset + m.codec.size));
    // A lone member ends where it ends; a union is a multiple of its alignment long.
    end = arms.length === 1 && codecs.length === 1
      ? Math.max(...ends)
      : alignUp(Math.max(...ends), groupAlign);
    align = Math.max(align, groupAlign);
    groups.push({
      offset,
      size: end - offset,
      arms: new Map(placed),
      ...(tag === undefined ? {} : { tag }),
    });
  }
  return { groups, end, align };
}

function armsOf(part: Part): { tag?: string; arms: [number, Fields][] }[] {
  if (part instanceof TaggedUnion) {
    const arms = Object.entries(part.arms).map(([key, fields]): [number, Fields] => [
      Number(key),
      fields,
    ]);
    return [{ tag: part.tag, arms }];
  }
  if (part instanceof FreeUnion) return [{ arms: [...part.arms.entries()] }];
  return Object.entries(part).map(([name, codec]) => ({ arms: [[0, { [name]: codec }]] }));
}

function placeFields(fields: Fields, start: number): Member[] {
  let end = start;
  return Object.entries(fields).map(([name, codec]) => {
    const offset = alignUp(end, codec.align);
    end = offset + codec.size;
    return { name, codec, offset };
  });
}

function writeGroup(type: string, group: Group, view: DataView, base: number, value: Scope): void {
  if (group.tag !== undefined) {
    return writeMembers(armOf(type, group, group.tag, value), view, base, value);
  }
  const arms = [...group.arms.values()];
  if (arms.length === 1) return writeMembers(arms[0]!, view, base, value);
  let written: Uint8Array | undefined;
  for (const arm of arms) {
    const given = arm.filter(({ name }) => value[name] !== undefined);
    if (given.length === 0) continue;
    const bytes = new Uint8Array(group.size);
    writeMembers(given, new DataView(bytes.buffer), -group.offset, value);
    if (written !== undefined && bytes.some((byte, i) => byte !== written![i])) {
      throw new TypeError(`${type}: ${given[0]!.name} disagrees with another arm of its union`);
    }
    written = bytes;
  }
  if (written === undefined) return;
  new Uint8Array(view.buffer, view.byteOffset + base + group.offset).set(written);
}

function writeMembers(
  members: readonly Member[],
  view: DataView,
  base: number,
  value: Scope,
): void {
  for (const { name, codec, offset } of members) {
    codec.write(view, base + offset, value[name] as never);
  }
}

function armOf(type: string, group: Group, tag: string, value: Scope): readonly Member[] {
  const arm = group.arms.get(value[tag] as number);
  if (arm === undefined) throw new RangeError(`${type} has no arm for ${tag} ${value[tag]}`);
  return arm;
}

function layoutOf({ name, codec, offset }: Member): FieldLayout[] {
  if (!("fields" in codec)) return [{ path: name, offset, size: codec.size, type: codec.type }];
  const nested = codec.fields as readonly FieldLayout[];
  return nested.map((field) => ({
    ...field,
    path: `${name}.${field.path}`,
    offset: offset + field.offset,
  }));
}

function alignUp(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}
