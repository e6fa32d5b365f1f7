/**
 * The rules of the house, read from the imports: which room may know which. A room is a folder of `src`; in
 * `src/portable`, also a floor on which a file stands by what it does, although it lies elsewhere yet.
 *
 * Whatever breaks a rule is listed here with its reason. The lists can only shrink: an entry that nothing
 * needs any more fails too.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./support.ts";

/** What knows nothing of disks: anybody may stand on it. */
const FLOOR = ["src/bytes", "src/text"];
/** What the outside sees. */
const FACES = ["mod.ts", "ffi.ts", "portable.ts", "serve.ts"];
/** They choose the backend, and do nothing else. */
const DOORS = [
  "backend",
  "chains",
  "check",
  "compare",
  "convert",
  "create",
  "diagnose",
  "open",
  "portable_doors",
  "rebase",
  "storage",
]
  .map((name) => `src/${name}.ts`);

/** What a room imports, beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "src/text": [],
  "src/bytes": ["src/text"],
  "src/constants.ts": [],
  "src/errors": FLOOR,
  "src/disk": ["src/errors", "src/constants.ts", ...FLOOR],
  "src/native": ["src/disk", "src/errors", "src/constants.ts", ...FLOOR],
  "src/portable": ["src/disk", "src/errors", "src/constants.ts", ...FLOOR],
  "doors": ["src/native", "src/portable", "src/disk", "src/errors", ...FLOOR],
  // It takes an open disk, of which it knows the type.
  "src/serve": ["portable.ts", "src/disk", "src/errors", ...FLOOR],
  "src/cli": [...FACES, "deno.json", ...FLOOR],
  "examples": [],
};

const FORMATS = ["vhd", "vhdx", "iso", "raw"];

/** Inside `src/portable`: what a floor imports, beside itself. Downward only, and no format another. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  disk: ["operations", "chain", "formats", "partitions", "filesystems", "image", "file"],
  operations: ["chain", "formats", "partitions", "filesystems", "image", "file"],
  chain: ["formats", "image", "file"],
  formats: [...FORMATS, "image", "file"],
  vhd: ["image", "file"],
  vhdx: ["image", "file"],
  iso: ["image", "file"],
  raw: ["image", "file"],
  partitions: ["image", "file"],
  filesystems: ["image", "file"],
  image: ["file"],
  file: [],
};

/** Files of `src/portable` that do not lie yet in the folder of their floor. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  disk: "create information open_rules portable_disk",
  formats: "formats",
};

/** Imports that break a rule: by file of `src/portable`. */
const EXCEPTIONS: readonly { reason: string; imports: Record<string, string> }[] = [];

/** Circles of imports that there are. */
const CIRCLES: Readonly<Record<string, string>> = {};

/** Files outside of the floor of files that ask Deno for files, and the functions. */
const FILE_FUNCTIONS: readonly { reason: string; files: Record<string, string> }[] = [
  {
    reason: "The folder of an image is read for its children, or for a parent that was renamed.",
    files: {
      "src/portable/chain/children.ts": "readDirSync",
      "src/portable/operations/diagnose_chain.ts": "readDirSync realPathSync statSync",
    },
  },
  {
    reason:
      "A diagnosis asks of the file what an open would not: its attributes, and whether it may be written.",
    files: {
      "src/portable_doors.ts": "realPathSync",
      "src/portable/operations/diagnose_file.ts": "openSync statSync",
      "src/portable/operations/diagnose_name.ts": "lstatSync",
    },
  },
  {
    reason: "The space that a file takes on its volume is no property of an image.",
    files: { "src/portable/operations/details.ts": "statSync" },
  },
  {
    reason: "The images of a folder are listed, with their sizes and times, to find their chains.",
    files: { "src/portable/operations/image_chains.ts": "readDirSync statSync" },
  },
  {
    reason: "A socket is no image: it is made and removed, and what lies at its path is looked at.",
    files: {
      "src/serve/place.ts": "lstatSync makeTempDirSync removeSync umask",
    },
  },
];

/** Node's globals, which Deno loads when they are first used: by file, in which they come late or never. */
const NODE_GLOBALS: Readonly<Record<string, string>> = {
  "src/bytes/equal.ts": "Buffer",
  "src/disk/pause.ts": "setImmediate",
  "src/portable/file/file_operation.ts": "process",
  "src/portable/file/placed_reads.ts": "process",
};

const FILE_FUNCTION =
  /\bDeno\s*\.\s*((?:open|create|read(?:Dir|File|Link|TextFile)|write(?:TextFile|File)|l?stat|rename|remove|mkdir|truncate|realPath|copyFile|makeTemp(?:Dir|File)|chmod|chown|link|symlink|utime|umask)(?:Sync)?)\b/g;
const IMPORTS = /^(?:import|export)\s(?:[^;"]*?\sfrom\s+)?"([^"]+)"/gm;
/** What is loaded when it is needed: by a literal, which tools can follow and this test can read. */
const LAZY_IMPORTS = /\bimport\s*\(\s*"([^"]+)"/g;
/** What the compiler leaves out of the program: `import type`, and braces that hold types alone. */
const TYPE_IMPORT = /^(?:import|export)\s+(?:type\s|\{(?:\s*type\s[^,}]+,?)+\s*\})/;
const COMMENT = /\/\*[^]*?\*\/|^\s*\/\/.*$/gm;

/** A module of the project: its code without comments, and what it imports of the project and of others. */
interface Module {
  readonly code: string;
  /** Lazy ones too: they are as much an arrow from room to room. */
  readonly imports: readonly string[];
  /** Those without which the module does not run: neither lazy ones nor types. */
  readonly needed: readonly string[];
}

const MODULES = readModules();

function readModules(): ReadonlyMap<string, Module> {
  const modules = new Map<string, Module>();
  for (const path of [...FACES, ...modulesBelow("src"), ...modulesBelow("examples")]) {
    const code = Deno.readTextFileSync(join(ROOT, path)).replaceAll(COMMENT, "");
    const imports = [...code.matchAll(IMPORTS), ...code.matchAll(LAZY_IMPORTS)]
      .map(([, specifier]) => resolved(path, specifier!));
    const needed = [...code.matchAll(IMPORTS)].filter(([text]) => !TYPE_IMPORT.test(text))
      .map(([, specifier]) => resolved(path, specifier!));
    modules.set(path, { code, imports, needed });
  }
  return modules;
}

function modulesBelow(folder: string): string[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? modulesBelow(path) : name.endsWith(".ts") ? [path] : [];
  }).sort();
}

/** A path below the root with slashes; what is no relative one stays as it is. */
function resolved(from: string, specifier: string): string {
  if (!specifier.startsWith(".")) return specifier;
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function roomOf(path: string): string {
  if (DOORS.includes(path)) return "doors";
  if (!path.startsWith("src/")) return path.split("/")[0]!;
  const [, room] = path.split("/");
  return `src/${room}`;
}

const FLOOR_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(ELSEWHERE).flatMap(([floor, files]) =>
    files.split(" ").map((file): [string, string] => [`src/portable/${file}.ts`, floor])
  ),
);

/** `undefined` if the file stands on none. */
function floorOf(path: string): string | undefined {
  const known = FLOOR_OF.get(path);
  if (known !== undefined) return known;
  const [, , folder, file] = path.split("/");
  return file !== undefined && folder! in BELOW ? folder : undefined;
}

function* edges(): Generator<[from: string, to: string]> {
  for (const [from, { imports }] of MODULES) {
    for (const to of imports) yield [from, to];
  }
}

function isPortable(path: string): boolean {
  return path.startsWith("src/portable/");
}

/** Everything that each module loads, types included. */
const LOADED: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  [...MODULES.keys()].map((path) => [path, loadedBy(path, "imports", new Set())]),
);

function loadedBy(path: string, which: "imports" | "needed", loaded: Set<string>): Set<string> {
  for (const each of MODULES.get(path)?.[which] ?? []) {
    if (loaded.has(each)) continue;
    loaded.add(each);
    loadedBy(each, which, loaded);
  }
  return loaded;
}

Deno.test("every import of the project is read, and names a file of it", () => {
  assert(MODULES.size > 100);
  for (const [from, { code }] of MODULES) {
    // Whatever the patterns of imports do not know would be missed.
    const lazy = [...code.matchAll(LAZY_IMPORTS)].length;
    assertEquals([...code.matchAll(/\bimport\s*\(/g)].length, lazy, `${from} names no literal`);
    const known = MODULES.get(from)!.imports.length - lazy;
    assertEquals([...code.matchAll(/\bfrom\s+"[^"]+"(?: with \{[^}]*\})?;/g)].length, known, from);
  }
  for (const [from, to] of edges()) {
    if (to.startsWith("src/")) assert(MODULES.has(to), `${from} imports ${to}`);
  }
});

Deno.test("nothing that runs is asked of a registry: a clone works where none can be reached", () => {
  const foreign = [...edges()].filter(([from, to]) =>
    !from.startsWith("examples/") && /^(?:@std\/|jsr:|npm:|https?:)/.test(to)
  );
  assertEquals(foreign, []);
});

Deno.test("a room imports the rooms that it may know", () => {
  const broken: string[] = [];
  for (const [from, to] of edges()) {
    if (FACES.includes(from) || !MODULES.has(to) && to !== "deno.json") continue;
    const [room, other] = [roomOf(from), roomOf(to)];
    const allowed = MAY_IMPORT[room];
    assert(allowed !== undefined, `${from} is in no room`);
    if (room !== other && !allowed.includes(other)) broken.push(`${from} imports ${to}`);
  }
  assertEquals(broken, []);
});

Deno.test("the faces re-export, and do nothing else", () => {
  for (const face of FACES) {
    const { code } = MODULES.get(face)!;
    const rest = code.replaceAll(
      /^export (?:type )?(?:\*(?: as \w+)?|\{[^}]*\}) from "[^"]+";$/gm,
      "",
    );
    assertEquals(rest.trim(), "", face);
  }
});

Deno.test("each backend loads nothing of the other", () => {
  for (const [path, all] of LOADED) {
    const loaded = [...all];
    if (isPortable(path)) assertEquals(loaded.filter((each) => roomOf(each) === "src/native"), []);
    if (roomOf(path) === "src/native") assertEquals(loaded.filter(isPortable), []);
  }
});

Deno.test("the portable face knows nothing of the native backend, not even its types", () => {
  const loaded = [...LOADED.get("portable.ts")!];
  assert(loaded.includes("src/portable/portable_disk.ts"));
  assertEquals(loaded.filter((each) => roomOf(each) === "src/native"), []);
});

Deno.test("the main face needs no code of the native backend, which Windows alone loads", () => {
  const needed = [...loadedBy("mod.ts", "needed", new Set())];
  assert(needed.includes("src/portable/portable_disk.ts"));
  assertEquals(needed.filter((each) => roomOf(each) === "src/native"), []);
  const lazy = [...edges()].filter(([from, to]) =>
    roomOf(to) === "src/native" && roomOf(from) !== "src/native" &&
    MODULES.get(from)!.needed.includes(to)
  );
  assertEquals(lazy.filter(([from]) => from !== "ffi.ts"), []);
  assert(MODULES.get("src/backend.ts")!.imports.includes("src/native/backend.ts"));
});

Deno.test("what opens damaged images is loaded only if it is asked for", () => {
  const isForDamage = (path: string) =>
    /\/(?:\w*salvage\w*|damaged_files|tolerant_image|assumed|operations\/damage)\.ts$/.test(path);
  for (const program of ["mod.ts", "portable.ts", "src/cli/info.ts"]) {
    const needed = [...loadedBy(program, "needed", new Set())];
    assert(needed.includes("src/portable/chain/chain.ts"));
    assertEquals(needed.filter(isForDamage), [], program);
  }
  const loaded = [...loadedBy("src/portable/chain/damaged_files.ts", "imports", new Set())];
  for (const format of ["vhd", "vhdx"]) {
    assert(loaded.includes(`src/portable/${format}/salvage.ts`));
  }
});

/** What can be done with an image beside opening, reading, writing and telling what it is. */
const LATER = [
  /\/(?:portable|vhdx?)\/create\.ts$/,
  /\/(?:create_rules|write_image|copy_source|disk_contents|stream_contents|new_file|image_bytes|image_stream)\.ts$/,
  /\/operations\/(?:check|compact|compare|contents|damage|diagnose\w*|free_space|image_chains|merge|resize)\.ts$/,
  /\/(?:vhdx?|iso)\/(?:check\w*|compact|merge)\.ts$/,
  /\/filesystems\//,
  /\/(?:http_fetcher|free_ranges|raw_disk)\.ts$/,
  /^src\/serve\//,
];

Deno.test("opening an image and telling what it is loads nothing that is for anything else", () => {
  const most = { "mod.ts": 134, "portable.ts": 126, "src/cli/info.ts": 142 };
  for (const [program, count] of Object.entries(most)) {
    const needed = [...loadedBy(program, "needed", new Set())];
    assert(needed.includes("src/portable/vhdx/image.ts"));
    assertEquals(needed.filter((path) => LATER.some((each) => each.test(path))), [], program);
    // Each is half a percent of the time in which `virtdisk info` starts.
    assert(needed.length <= count, `${program} needs ${needed.length} modules`);
  }
  const all = [...MODULES.keys()];
  for (const each of LATER) assert(all.some((path) => each.test(path)), `${each} is nothing`);
});

Deno.test("what is loaded at the start needs nothing of Node, which takes a third of an empty script's start", () => {
  for (
    const program of ["mod.ts", "portable.ts", "serve.ts", "src/cli/main.ts", "src/cli/info.ts"]
  ) {
    const needed = [program, ...loadedBy(program, "needed", new Set())];
    assertEquals(needed.filter((each) => each.startsWith("node:")), [], program);
  }
  // Where all code is in one file, what any of it imports is loaded at the start.
  for (const [path, { needed, code }] of MODULES) {
    if (path.startsWith("examples/") || path === "src/cli/demo.ts") continue;
    assertEquals(needed.filter((each) => each.startsWith("node:")), [], path);
    const globals = code.match(/\b(?:Buffer|process)(?=\.[a-z]\w*\()|\bsetImmediate(?=\()/g) ?? [];
    assertEquals([...new Set(globals)].join(" "), NODE_GLOBALS[path] ?? "", path);
  }
});

Deno.test("inside the portable backend imports lead downward, and into formats by their face", () => {
  const excepted = new Set(
    EXCEPTIONS.flatMap(({ imports }) =>
      Object.entries(imports).flatMap(([from, targets]) =>
        targets.split(" ").map((to) => `src/portable/${from}.ts imports src/portable/${to}.ts`)
      )
    ),
  );
  const broken: string[] = [];
  for (const [from, to] of edges()) {
    if (!isPortable(from) || !isPortable(to)) continue;
    const [floor, other] = [floorOf(from), floorOf(to)];
    assert(floor !== undefined, `${from} stands on no floor`);
    assert(other !== undefined, `${to} stands on no floor`);
    if (floor === other) continue;
    const isFace = !FORMATS.includes(other) || to === `src/portable/${other}/format.ts`;
    const isAllowed = BELOW[floor]!.includes(other) && isFace;
    const edge = `${from} imports ${to}`;
    if (!isAllowed && !excepted.delete(edge)) broken.push(edge);
  }
  assertEquals(broken, []);
  assertEquals([...excepted], [], "these are no exceptions any more");
  const moved = [...FLOOR_OF.keys()].filter((path) => !MODULES.has(path));
  assertEquals(moved, [], "these are not there any more");
});

Deno.test("nothing imports itself by a detour", () => {
  const circles = new Set<string>();
  for (const [path, loaded] of LOADED) {
    const mates = [...loaded].filter((each) => LOADED.get(each)?.has(path));
    if (mates.length > 0) circles.add(mates.sort().join(" "));
  }
  assertEquals([...circles].sort(), Object.keys(CIRCLES).sort());
});

Deno.test("only the floor of files asks Deno for files", () => {
  const excepted = new Map(FILE_FUNCTIONS.flatMap(({ files }) => Object.entries(files)));
  for (const [path, { code, imports }] of MODULES) {
    const isProgram = ["src/cli", "examples"].includes(roomOf(path));
    if (isProgram || isPortable(path) && floorOf(path) === "file") continue;
    const found = new Set([...code.matchAll(FILE_FUNCTION)].map(([, name]) => name!));
    assertEquals([...found].sort().join(" "), excepted.get(path) ?? "", path);
    assertEquals(imports.filter((each) => each.startsWith("node:fs")), [], path);
    excepted.delete(path);
  }
  assertEquals([...excepted.keys()], [], "these are not there any more");
});
