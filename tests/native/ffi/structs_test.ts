import { assert, assertEquals } from "@std/assert";
import * as constants from "../../../src/constants.ts";
import { errorCode, errorSymbols } from "../../../src/errors/codes.ts";
import { VIRTDISK_FUNCTIONS } from "../../../src/native/ffi/virtdisk.ts";
import * as structs from "../../../src/native/ffi/structs.ts";
import abi from "./abi/virtdisk-abi.json" with { type: "json" };

/** Functions of Windows 10, by their pages: everything else is in Windows 8. */
const NEWER_THAN_WINDOWS_8 = [
  "ApplySnapshotVhdSet",
  "CompleteForkVirtualDisk",
  "DeleteSnapshotVhdSet",
  "ForkVirtualDisk",
  "ModifyVhdSet",
  "QueryChangesVirtualDisk",
  "RawSCSIVirtualDisk",
  "TakeSnapshotVhdSet",
];

interface FunctionDeclaration {
  readonly name?: string;
  readonly parameters: readonly string[];
  readonly result: string;
  readonly nonblocking?: boolean;
  readonly optional?: boolean;
}

const DECLARED: Readonly<Record<string, FunctionDeclaration>> = VIRTDISK_FUNCTIONS;
const DECLARED_STRUCTS: Readonly<Record<string, AnyStruct>> = structs;

interface AnyStruct {
  readonly type: string;
  readonly size: number;
  readonly align: number;
  readonly fields: readonly { path: string; offset: number; size: number; type: string }[];
}

Deno.test("every structure of virtdisk.h is declared, and no other", () => {
  assertEquals(Object.keys(DECLARED_STRUCTS).sort(), Object.keys(abi.structs).sort());
});

Deno.test("DECLARED_STRUCTS have the size, alignment and members that the C compiler gives", async (t) => {
  for (const [name, expected] of Object.entries(abi.structs)) {
    await t.step(name, () => {
      const { type, size, align, fields } = DECLARED_STRUCTS[name]!;
      const members = fields.map(({ path, ...layout }) => [path, layout] as const);
      assertEquals(type, name);
      assertEquals(members.length, new Set(members.map(([path]) => path)).size);
      assertEquals({ size, align, fields: Object.fromEntries(members) }, expected);
    });
  }
});

Deno.test("every constant of virtdisk.h is declared with its value, and no other", () => {
  const declared: [string, unknown][] = [];
  for (const [name, value] of Object.entries(constants)) {
    if (typeof value !== "object") declared.push([name, value]);
    else for (const [key, each] of Object.entries(value)) declared.push([`${name}_${key}`, each]);
  }
  assertEquals(Object.fromEntries(declared), { ...abi.guids, ...abi.constants });
});

/** Codes of winerror.h beside those that the sources of virtdisk.h name. */
const FURTHER_CODES = { ERROR_INVALID_FUNCTION: 1, ERROR_BAD_COMMAND: 22 };

Deno.test("every error symbol has the number of winerror.h", () => {
  const declared = errorSymbols().map((symbol) => [symbol, errorCode(symbol)]);
  assertEquals(Object.fromEntries(declared), { ...abi.errors, ...FURTHER_CODES });
});

Deno.test("every function of VirtDisk.dll is declared, and no other", () => {
  const names = Object.keys(DECLARED).filter((name) => DECLARED[name]!.name === undefined);
  assertEquals(names.sort(), Object.keys(abi.functions).sort());
});

/** How a parameter of a C type is passed: pointers as buffers, everything else by value. */
function passedAs(type: string): string {
  const bare = type.replace(/ \(.*\)$/, "");
  if (bare.endsWith("*") || bare === "PCWSTR" || bare === "PWSTR") return "buffer";
  return bare === "HANDLE" || bare === "ULONG64" ? "u64" : "u32";
}

Deno.test("DECLARED functions are those of the header", async (t) => {
  for (const [name, parameters] of Object.entries(abi.functions)) {
    await t.step(name, () => {
      const declared = DECLARED[name]!;
      assertEquals(declared.parameters, parameters.map(({ type }) => passedAs(type)));
      assertEquals(declared.result, "u32");
      assertEquals(declared.optional ?? false, NEWER_THAN_WINDOWS_8.includes(name));
      assertEquals(declared.nonblocking, undefined);
    });
  }
});

Deno.test("a name that ends in Async is its function off the event loop, in At as well by addresses", () => {
  const twins = Object.entries(DECLARED).filter(([, { name }]) => name !== undefined);
  assert(twins.length > 0);
  for (const [key, { name, nonblocking, ...rest }] of twins) {
    const { parameters, ...declared } = DECLARED[name!]!;
    const isAt = nonblocking !== true;
    assertEquals(key, `${name}${isAt ? "At" : "Async"}`);
    const types = parameters.map((type) => type === "buffer" ? "u64" : type);
    assertEquals(rest, { ...declared, parameters: types } as typeof rest);
  }
});

Deno.test("the comment beside each parameter is its declaration in the header", async () => {
  const source = await Deno.readTextFile(
    new URL("../../../src/native/ffi/virtdisk.ts", import.meta.url),
  );
  const functions = source.matchAll(/^ {2}(\w+): \{\n[^]*?parameters: \[([^\]]*)\]/gm);
  const comments = [...functions].map(([, name, list]) =>
    [name!, [...list!.matchAll(/\/\/ (.*)/g)].map((m) => m[1])] as const
  );
  const declared = Object.keys(DECLARED).filter((name) => DECLARED[name]!.name === undefined);
  assertEquals(comments.map(([name]) => name), declared);
  const expected: Readonly<Record<string, readonly { type: string; name: string }[]>> =
    abi.functions;
  for (const [name, lines] of comments) {
    assertEquals(lines, expected[name]!.map((each) => `${each.type} ${each.name}`), name);
  }
});
