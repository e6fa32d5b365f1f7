/** What the compiler knows of the public API; a wrong type fails the type check. */
import { assertEquals } from "@std/assert";
import { readdirSync } from "node:fs";
import { dirname, join } from "@std/path";
import type { AssertTrue, IsExact } from "@std/testing/types";
import {
  type Backend,
  type CompactionReport,
  createVirtualDisk,
  type ErrorSymbol,
  type NativeVirtualDisk,
  openVirtualDisk,
  openVirtualDiskSync,
  type PortableVirtualDisk,
  type VirtualDisk,
  type VirtualDiskError,
  type VirtualDiskOf,
} from "@virtdisk/virtdisk";
import * as portableFace from "@virtdisk/virtdisk/portable";
import { allStates } from "./sampling.ts";
import { ROOT, TempDir, testWith } from "./support.ts";

Deno.test("the backend option decides the type of the disk", () => {
  const portable = () => openVirtualDiskSync("x", { backend: "portable", readOnly: false });
  const native = () => openVirtualDiskSync("x", { backend: "native" });
  const either = () => openVirtualDiskSync("x");
  const portableLater = () => openVirtualDisk("x", { backend: "portable" });
  const nativeLater = () => openVirtualDisk("x", { backend: "native" });
  const eitherLater = () => openVirtualDisk("x", { backend: "auto" });
  const created = () => createVirtualDisk("x", { size: 1, backend: "portable" });
  type _Types = [
    AssertTrue<IsExact<ReturnType<typeof portable>, PortableVirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof native>, NativeVirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof either>, NativeVirtualDisk | PortableVirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof portableLater>, Promise<PortableVirtualDisk>>>,
    AssertTrue<IsExact<ReturnType<typeof nativeLater>, Promise<NativeVirtualDisk>>>,
    AssertTrue<
      IsExact<ReturnType<typeof eitherLater>, Promise<NativeVirtualDisk | PortableVirtualDisk>>
    >,
    AssertTrue<IsExact<ReturnType<typeof created>, Promise<PortableVirtualDisk>>>,
  ];
});

Deno.test("the information class decides the type of the information", () => {
  const sizes = (disk: VirtualDisk) => disk.getInformation("size").virtualSize;
  const subtype = (disk: VirtualDisk) => disk.getInformation("providerSubtype");
  type _Types = [
    AssertTrue<IsExact<ReturnType<typeof sizes>, number>>,
    AssertTrue<
      IsExact<ReturnType<typeof subtype>, "fixed" | "dynamic" | "differencing" | "unknown">
    >,
  ];
});

Deno.test("a backend that is held in a variable decides as far as it is known", () => {
  const chosen = (backend: "native" | "portable") => openVirtualDiskSync("x", { backend });
  const some = (backend: Backend | undefined) => openVirtualDisk("x", { backend, readOnly: true });
  const made = (backend: Backend) => createVirtualDisk("x", { size: 1, backend });
  const generic = <B extends Backend>(backend: B) => openVirtualDisk("x", { backend });
  type Either = NativeVirtualDisk | PortableVirtualDisk;
  type _Types = [
    AssertTrue<IsExact<ReturnType<typeof chosen>, Either>>,
    AssertTrue<IsExact<ReturnType<typeof some>, Promise<Either>>>,
    AssertTrue<IsExact<ReturnType<typeof made>, Promise<Either>>>,
    AssertTrue<IsExact<ReturnType<typeof generic<"portable">>, Promise<PortableVirtualDisk>>>,
    AssertTrue<IsExact<VirtualDiskOf<Backend>, Either>>,
  ];
});

Deno.test("disk.backend narrows the type of the disk", () => {
  const contents = async (path: string) => {
    using disk = await openVirtualDisk(path);
    // What both can do needs no question.
    disk.readSync(new Uint8Array(1), 0);
    const report: CompactionReport = await disk.compact();
    if (disk.backend === "portable") {
      type _Portable = AssertTrue<IsExact<typeof disk, PortableVirtualDisk>>;
      return { report, found: [...disk.extents()] };
    }
    type _Native = AssertTrue<IsExact<typeof disk, NativeVirtualDisk>>;
    return { report, found: disk.handle };
  };
  const asContract = (disk: Awaited<ReturnType<typeof openVirtualDisk>>): VirtualDisk => disk;
  assertEquals([contents.length, asContract.length], [1, 1]);
});

Deno.test("error.symbol is one of the names that there are", () => {
  const isBusy = (error: VirtualDiskError) => error.symbol === "ERROR_SHARING_VIOLATION";
  // @ts-expect-error: there is no such name.
  const isMistyped = (error: VirtualDiskError) => error.symbol === "ERROR_SHARING_VIOLATOIN";
  type _Types = [
    AssertTrue<IsExact<VirtualDiskError["symbol"], ErrorSymbol>>,
    AssertTrue<IsExact<Parameters<typeof isMistyped>, Parameters<typeof isBusy>>>,
  ];
});

Deno.test("the portable face gives portable disks", () => {
  const opened = () => portableFace.openVirtualDisk("x");
  const openedSync = () => portableFace.openVirtualDiskSync("x", { readOnly: true });
  const created = () => portableFace.createVirtualDisk("x", { size: 1, backend: "portable" });
  // @ts-expect-error: it has no other backend.
  const native = () => portableFace.openVirtualDisk("x", { backend: "native" });
  type _Types = [
    AssertTrue<IsExact<ReturnType<typeof opened>, Promise<PortableVirtualDisk>>>,
    AssertTrue<IsExact<ReturnType<typeof openedSync>, PortableVirtualDisk>>,
    AssertTrue<IsExact<ReturnType<typeof created>, Promise<PortableVirtualDisk>>>,
    AssertTrue<IsExact<ReturnType<typeof native>, Promise<PortableVirtualDisk>>>,
  ];
});

/** One mistake each. */
const MISTAKES: Readonly<Record<string, string>> = {
  "an option of the wrong kind": 'await openVirtualDisk("x", { readOnly: "yes" });',
  "an option of the wrong kind beside a backend":
    'await openVirtualDisk("x", { backend: "portable", readOnly: "yes" });',
  "a word that no option has": 'openVirtualDiskSync("x", { flags: ["no-parent"] });',
  "a backend that there is not": 'openVirtualDiskSync("x", { backend: "portabel" });',
  "an option that there is not": 'await openVirtualDisk("x", { readonly: true });',
  "a wrong option of a new disk":
    'await createVirtualDisk("x", { size: 1, subtype: "fix", backend: "native" });',
};

/** The package as the compiler knows it, which does not check the package itself: that takes most of the time. */
function uncheckedPackage(dir: TempDir): void {
  Deno.copyFileSync(join(ROOT, "deno.json"), dir.file("deno.json"));
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" });
  for (const path of ["mod.ts", ...files.map((file) => join("src", file))]) {
    if (!path.endsWith(".ts") && !path.endsWith(".json")) continue;
    const text = Deno.readTextFileSync(join(ROOT, path));
    Deno.mkdirSync(dirname(dir.file(path)), { recursive: true });
    Deno.writeTextFileSync(dir.file(path), path.endsWith(".ts") ? `// @ts-nocheck\n${text}` : text);
  }
}

// The compiler takes seconds for it. `deno task check` has it find two wrong types above, that there are errors at all.
testWith([allStates], "one wrong option is one error of the compiler", async (t) => {
  using dir = new TempDir();
  uncheckedPackage(dir);
  const names = "createVirtualDisk, openVirtualDisk, openVirtualDiskSync";
  const lines = [`import { ${names} } from "./mod.ts";`, ...Object.values(MISTAKES), ""];
  Deno.writeTextFileSync(dir.file("mistakes.ts"), lines.join("\n"));
  const { code, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["check", "mistakes.ts"],
    cwd: dir.path,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
    stdout: "null",
  }).outputSync();
  assertEquals(code, 1);
  const output = new TextDecoder().decode(stderr);
  const errors = output.split(/^(?=TS\d+ \[ERROR\])/m).filter((part) => part.startsWith("TS"));
  assertEquals(errors.length, Object.keys(MISTAKES).length, output);
  for (const [i, name] of Object.keys(MISTAKES).entries()) {
    await t.step(name, () => {
      // The first line is 1, and imports.
      const own = errors.filter((error) => error.includes(`/mistakes.ts:${i + 2}:`));
      assertEquals(own.length, 1, output);
    });
  }
});
