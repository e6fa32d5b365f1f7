/** What the reference shows of the faces, as `deno doc` gives it. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./support.ts";

interface Tagged {
  readonly jsDoc?: { readonly tags?: readonly { readonly kind: string; readonly doc?: string }[] };
}

interface Member extends Tagged {
  readonly name: string;
}

interface Symbol extends Member {
  readonly declarations: readonly (Tagged & {
    readonly kind: string;
    readonly def?: {
      readonly methods?: readonly Member[];
      readonly properties?: readonly Member[];
    };
  })[];
}

const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  "mod.ts": [
    "Contents",
    "Creating",
    "Errors",
    "Information",
    "Opening",
    "Operations",
    "Windows only",
  ],
  "portable.ts": [
    "Contents",
    "Creating",
    "Errors",
    "Information",
    "Opening",
    "Operations",
    "Windows only",
  ],
  "serve.ts": ["Serving"],
  "ffi.ts": ["Constants", "Functions", "Libraries", "Memory", "Structures"],
};

/** The classes that were cut out of the contract, and what only the inside needs. */
const INTERNAL = [
  "CheckedInformation",
  "DriverDisk",
  "InformationChange",
  "MaintainedDisk",
  "MetadataStore",
  "OpenDisk",
  "OperatedDisk",
  "ReadableDisk",
];

function symbolsOf(face: string): readonly Symbol[] {
  const { stdout, stderr, success } = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", join(ROOT, face)],
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, { symbols: readonly Symbol[] }>;
  };
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

function categoriesOf({ declarations }: Symbol): string[] {
  return declarations.flatMap(({ jsDoc }) =>
    (jsDoc?.tags ?? []).filter(({ kind }) => kind === "category").map(({ doc }) => doc ?? "")
  );
}

const SYMBOLS: ReadonlyMap<string, readonly Symbol[]> = new Map(
  Object.keys(CATEGORIES).map((face) => [face, symbolsOf(face)]),
);

for (const [face, symbols] of SYMBOLS) {
  Deno.test(`${face}: every symbol has a category, one of a few`, () => {
    assert(symbols.length > (face === "serve.ts" ? 4 : 50));
    const without = symbols.filter((symbol) => categoriesOf(symbol).length === 0);
    assertEquals(without.map(({ name }) => name), []);
    const found = new Set(symbols.flatMap(categoriesOf));
    assertEquals([...found].sort(), CATEGORIES[face]);
  });

  Deno.test(`${face}: what is internal is not exported`, () => {
    const names = symbols.map(({ name }) => name);
    assertEquals(INTERNAL.filter((name) => names.includes(name)), []);
    const constants = names.filter((name) => /^[A-Z]+(?:_[A-Z0-9]+)+$/.test(name));
    if (face !== "ffi.ts") assertEquals(constants, [], "the constants are those of ./ffi");
  });
}

Deno.test("the page of each disk class lists every member of the contract, with a comment", () => {
  const symbols = SYMBOLS.get("mod.ts")!;
  const membersOf = (name: string): readonly Member[] => {
    const definition = symbols.find((symbol) => symbol.name === name)!.declarations[0]!.def!;
    return [...definition.methods ?? [], ...definition.properties ?? []];
  };
  const contract = membersOf("VirtualDisk").map(({ name }) => name);
  for (const name of ["readSync", "writable", "compact", "close", "size", "queryChanges"]) {
    assert(contract.includes(name), name);
  }
  for (const name of ["NativeVirtualDisk", "PortableVirtualDisk"]) {
    const members = membersOf(name);
    const listed = new Set(members.map((member) => member.name));
    assertEquals(contract.filter((each) => !listed.has(each)), [], name);
    assertEquals(members.filter(({ jsDoc }) => !jsDoc).map((each) => each.name), [], name);
  }
});
