/** What the reference shows of the faces, as `deno doc` gives it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import config from "../deno.json" with { type: "json" };
import { ROOT } from "./support.ts";

interface Comment {
  readonly doc?: string;
  readonly tags?: readonly { readonly kind: string; readonly doc?: string }[];
}

interface Tagged {
  readonly jsDoc?: Comment;
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

/** What `deno doc` says of the modules of a face: its own comment, and its symbols. */
interface Module {
  readonly module_doc?: Comment;
  readonly symbols: readonly Symbol[];
}

function modulesOf(face: string): readonly Module[] {
  const { stdout, stderr, success } = new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", join(ROOT, face)],
    cwd: ROOT,
    env: { DENO_NO_UPDATE_CHECK: "1" },
  }).outputSync();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as {
    nodes: Record<string, Module>;
  };
  return Object.values(nodes);
}

function categoriesOf({ declarations }: Symbol): string[] {
  return declarations.flatMap(({ jsDoc }) =>
    (jsDoc?.tags ?? []).filter(({ kind }) => kind === "category").map(({ doc }) => doc ?? "")
  );
}

/** The entry points of the package. */
const FACES: readonly string[] = Object.values(config.exports).map((path) => path.slice(2));
const MODULES: ReadonlyMap<string, readonly Module[]> = new Map(
  FACES.map((face) => [face, modulesOf(face)]),
);
const SYMBOLS: ReadonlyMap<string, readonly Symbol[]> = new Map(
  Object.keys(CATEGORIES).map((face) => [
    face,
    MODULES.get(face)!.flatMap(({ symbols }) => symbols),
  ]),
);

Deno.test("every entry point says what it is, which permissions it needs, and shows an example", () => {
  for (const [face, modules] of MODULES) {
    const comments = modules.map(({ module_doc }) => module_doc).filter((doc) => doc !== undefined);
    assertEquals(comments.length, 1, face);
    const { doc = "", tags = [] } = comments[0]!;
    assertMatch(doc, /--allow-[a-z]+/, face);
    assert(tags.some(({ kind }) => kind === "example"), face);
  }
});

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
