/**
 * What a script wants to set, checked: both backends work from this.
 *
 * @module
 */
import type { ParentPath, SettableInformation, SettableKind } from "./information.ts";
import {
  BOOLEAN,
  checkArgument,
  checkGuid,
  checkOptions,
  either,
  NUMBER,
  OBJECT,
  oneOf,
  type OptionKinds,
  PATH,
  STRING,
  toHostPath,
  uint32,
} from "./arguments.ts";

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

const PARENT_PATH: OptionKinds<ParentPath> = {
  path: PATH,
  ignoreMismatch: BOOLEAN,
  dryRun: BOOLEAN,
};
const PARENT_PATH_WITH_DEPTH: OptionKinds<SettableInformation["parentPathWithDepth"]> = {
  ...PARENT_PATH,
  childDepth: NUMBER,
};
const PARENT_LOCATOR: OptionKinds<SettableInformation["parentLocator"]> = {
  linkageId: STRING,
  path: PATH,
};

const CHECKS: {
  readonly [K in SettableKind]: (value: SettableInformation[K]) => CheckedInformation[K];
} = {
  parentPath: (value) => {
    checkArgument(either(PATH, OBJECT), value, "parentPath");
    return typeof value === "string" || value instanceof URL
      ? { path: checkPath(value, "parentPath"), ignoreMismatch: false, dryRun: false }
      : checkParentPath(checkOptions(PARENT_PATH, value, "parentPath"));
  },
  identifier: (value) => checkGuid(value, "identifier"),
  parentPathWithDepth: (value) => {
    const checked = checkOptions(PARENT_PATH_WITH_DEPTH, value, "parentPathWithDepth");
    return { childDepth: uint32(checked.childDepth, "childDepth", 1), ...checkParentPath(checked) };
  },
  vhdPhysicalSectorSize: (value) => uint32(value, "vhdPhysicalSectorSize"),
  virtualDiskId: (value) => checkGuid(value, "virtualDiskId"),
  changeTrackingEnabled: (value) => checkArgument(BOOLEAN, value, "changeTrackingEnabled"),
  parentLocator: (value) => {
    const { linkageId, path } = checkOptions(PARENT_LOCATOR, value, "parentLocator");
    return { linkageId: checkGuid(linkageId, "linkageId"), path: checkPath(path, "path") };
  },
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
  checkArgument(oneOf(...Object.keys(CHECKS)), kind, "the class to set");
  // The compiler cannot see that kind and value belong together.
  return { kind, value: CHECKS[kind](value) } as InformationChange;
}

function checkParentPath(
  { path, ignoreMismatch = false, dryRun = false }: ParentPath,
): CheckedInformation["parentPath"] {
  return { path: checkPath(path, "path"), ignoreMismatch, dryRun };
}

function checkPath(value: string | URL, name: string): string {
  const path = toHostPath(value, name);
  if (path === "") throw new TypeError(`${name} must not be empty`);
  return path;
}
