/**
 * What a script wants to set, checked: both backends work from this.
 *
 * @module
 */
import { normalizeGuid } from "./bytes/guid.ts";
import type { ParentPath, SettableInformation, SettableKind } from "./information.ts";
import { toHostPath } from "./open_request.ts";

/** The values of the classes: GUIDs in lower case, paths of the host, not made absolute yet. */
export interface CheckedInformation {
  /** The path, whether the parent may have another identifier than the child expects, whether to store it. */
  readonly parentPath: {
    readonly path: string;
    readonly ignoreMismatch: boolean;
    readonly dryRun: boolean;
  };
  /** The unique id. */
  readonly identifier: string;
  /** Whose parent (1 is the open file), and the same. */
  readonly parentPathWithDepth: CheckedInformation["parentPath"] & { readonly childDepth: number };
  /** Bytes. */
  readonly vhdPhysicalSectorSize: number;
  /** The page 83 identifier. */
  readonly virtualDiskId: string;
  /** On or off. */
  readonly changeTrackingEnabled: boolean;
  /** The identifier and the path that are stored. */
  readonly parentLocator: { readonly linkageId: string; readonly path: string };
}

/** A class and its new value. */
export type InformationChange = {
  [K in SettableKind]: { readonly kind: K; readonly value: CheckedInformation[K] };
}[SettableKind];

const UINT32_MAX = 0xffffffff;

const CHECKS: {
  readonly [K in SettableKind]: (value: SettableInformation[K]) => CheckedInformation[K];
} = {
  parentPath: (value) =>
    typeof value === "object" && value !== null && !(value instanceof URL)
      ? checkParentPath(value)
      : { path: checkPath(value, "parentPath"), ignoreMismatch: false, dryRun: false },
  identifier: (value) => checkGuid(value, "identifier"),
  parentPathWithDepth: (value) => ({
    childDepth: checkUint32(checkObject(value, "parentPathWithDepth").childDepth, "childDepth", 1),
    ...checkParentPath(value),
  }),
  vhdPhysicalSectorSize: (value) => checkUint32(value, "vhdPhysicalSectorSize", 0),
  virtualDiskId: (value) => checkGuid(value, "virtualDiskId"),
  changeTrackingEnabled: (value) => {
    if (typeof value === "boolean") return value;
    throw new TypeError(`changeTrackingEnabled is no boolean: ${String(value)}`);
  },
  parentLocator: (value) => ({
    linkageId: checkGuid(checkObject(value, "parentLocator").linkageId, "linkageId"),
    path: checkPath(value.path, "path"),
  }),
};

/**
 * Checks a class and its value.
 *
 * @throws {TypeError | RangeError} Where there is no such class, or the value is none of it.
 */
export function informationChange<K extends SettableKind>(
  kind: K,
  value: SettableInformation[K],
): InformationChange {
  if (!Object.hasOwn(CHECKS, kind)) {
    throw new TypeError(`Unknown information class: ${JSON.stringify(kind)}`);
  }
  // The compiler cannot see that kind and value belong together.
  return { kind, value: CHECKS[kind](value) } as InformationChange;
}

function checkParentPath(
  { path, ignoreMismatch = false, dryRun = false }: ParentPath,
): CheckedInformation["parentPath"] {
  for (const [name, value] of Object.entries({ ignoreMismatch, dryRun })) {
    if (typeof value !== "boolean") throw new TypeError(`${name} is no boolean: ${String(value)}`);
  }
  return { path: checkPath(path, "path"), ignoreMismatch, dryRun };
}

function checkPath(value: string | URL, name: string): string {
  const path = toHostPath(value);
  if (path === "") throw new TypeError(`${name} is empty`);
  return path;
}

function checkGuid(value: string, name: string): string {
  if (typeof value !== "string") throw new TypeError(`${name} is no string: ${String(value)}`);
  return normalizeGuid(value, name);
}

function checkObject<T extends object>(value: T, name: string): T {
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError(`${name} is no object: ${String(value)}`);
}

function checkUint32(value: number, name: string, least: number): number {
  if (Number.isInteger(value) && value >= least && value <= UINT32_MAX) return value;
  throw new RangeError(`${name} is no 32-bit number from ${least} on: ${value}`);
}
