/** What somebody meets who uses a clone: in a package of their own, as a command, or to publish it. */
import { assert, assertEquals } from "@std/assert";
import { dirname, join, toFileUrl } from "@std/path";
import { ROOT, TempDir } from "./support.ts";

/** What a clone has of the package. Not the repository itself: there, its own tasks run meanwhile. */
const PARTS = [
  "deno.json",
  "mod.ts",
  "ffi.ts",
  "portable.ts",
  "serve.ts",
  "src",
  "README.md",
  "LICENSE",
  "tests/offline",
];
/** With this Deno on it, by which what is installed is run. */
const PATH = [dirname(Deno.execPath()), Deno.env.get("PATH")]
  .join(Deno.build.os === "windows" ? ";" : ":");
const USE = 'import { parseSize } from "@virtdisk/virtdisk";\nconsole.log(parseSize("1KiB"));\n';

function clone(dir: TempDir): string {
  for (const part of PARTS) {
    const path = dir.file(`clone/${part}`);
    Deno.mkdirSync(dirname(path), { recursive: true });
    copy(join(ROOT, part), path);
  }
  return dir.file("clone");
}

function copy(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to);
  for (const { name } of Deno.readDirSync(from)) copy(join(from, name), join(to, name));
}

/** Runs a program of `dir` to its end; what it says, and whether it succeeded. */
function outcome(program: string, args: readonly string[], cwd: string) {
  const { code, stdout, stderr } = new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", PATH },
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

const CONFIGURATIONS = {
  "an import map that points at a clone": {
    imports: { "@virtdisk/virtdisk": "../clone/mod.ts" },
  },
  "a clone's own configuration as import map": { importMap: "../clone/deno.json" },
  "a link to a clone": { links: ["../clone"] },
};

for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
  Deno.test(`package: ${name} works without a warning`, () => {
    using dir = new TempDir();
    clone(dir);
    Deno.mkdirSync(dir.file("consumer"));
    Deno.writeTextFileSync(dir.file("consumer/deno.json"), JSON.stringify(configuration));
    Deno.writeTextFileSync(dir.file("consumer/main.ts"), USE);
    const args = ["run", "--no-prompt", "--no-lock", "main.ts"];
    const { code, out, err } = outcome(Deno.execPath(), args, dir.file("consumer"));
    assertEquals({ code, out, err }, { code: 0, out: "1024\n", err: "" });
  });
}

/** Does with an entry point what needs no Windows. */
const WITHOUT_NATIVE = `
const { createVirtualDisk, openVirtualDisk, openVirtualDiskSync } = await import(Deno.args[0]);
const path = await Deno.makeTempDir() + "/disk.vhdx";
(await createVirtualDisk(path, { size: "8MiB", backend: "portable" })).close();
using disk = await openVirtualDisk(path, { backend: "portable" });
using same = openVirtualDiskSync(path, { backend: "portable" });
const error = await openVirtualDisk(path, { backend: "native" }).catch((error) => error);
console.log(disk.size, same.format, error.symbol);
`;

for (const face of ["mod.ts", "portable.ts"]) {
  // On Windows the main face has the native backend as its default.
  const ignore = face === "mod.ts" && Deno.build.os === "windows";
  Deno.test({
    name: `package: ${face} needs no file of the native backend${ignore ? " off Windows" : ""}`,
    ignore,
    fn() {
      using dir = new TempDir();
      const folder = clone(dir);
      Deno.removeSync(join(folder, "src", "native"), { recursive: true });
      Deno.writeTextFileSync(join(folder, "main.ts"), WITHOUT_NATIVE);
      const allowed = ["--allow-read", "--allow-write", "--no-prompt", "--no-check"];
      const args = ["run", ...allowed, "main.ts", `./${face}`];
      const { code, out, err } = outcome(Deno.execPath(), args, folder);
      assertEquals({ code, out, err }, {
        code: 0,
        out: "8388608 vhdx ERROR_NOT_SUPPORTED\n",
        err: "",
      });
    },
  });
}

Deno.test("package: portable.ts is checked without a type of the native backend", () => {
  using dir = new TempDir();
  const folder = clone(dir);
  Deno.removeSync(join(folder, "src", "native"), { recursive: true });
  const { code, err } = outcome(Deno.execPath(), ["check", "portable.ts"], folder);
  assertEquals(code, 0, err);
});

Deno.test("package: the command line of a clone can be installed", () => {
  using dir = new TempDir();
  const options = ["--global", "--root", dir.file("root"), "--name", "virtdisk"];
  const args = ["install", ...options, "--config", "deno.json", "src/cli/main.ts"];
  const { code, out, err } = outcome(Deno.execPath(), args, clone(dir));
  assertEquals(code, 0, err);
  assert(!/warning|error/i.test(out + err), out + err);
  const [program, version] = Deno.build.os === "windows"
    ? ["cmd", ["/c", dir.file("root\\bin\\virtdisk.cmd"), "--version"]]
    : [dir.file("root/bin/virtdisk"), ["--version"]];
  const installed = outcome(program, version, dir.path);
  assertEquals([installed.code, installed.err], [0, ""]);
  assert(installed.out.startsWith("virtdisk "), installed.out);
});

Deno.test("package: publishing takes the files of the package alone, and warns of nothing", () => {
  using dir = new TempDir();
  const folder = clone(dir);
  // Types are checked by a stage of their own.
  const args = ["publish", "--dry-run", "--allow-dirty", "--no-check"];
  const { code, out, err } = outcome(Deno.execPath(), args, folder);
  assertEquals(code, 0, err);
  assert(!/warning|error\[/i.test(out + err), out + err);
  const root = `${toFileUrl(folder)}/`;
  const files = [...(out + err).matchAll(/^ +(file:\S+) \(/gm)].map((match) =>
    match[1]!.slice(root.length)
  );
  assert(files.includes("mod.ts") && files.includes("src/cli/main.ts"), out + err);
  const foreign = files.filter((file) =>
    !["deno.json", "mod.ts", "ffi.ts", "portable.ts", "serve.ts", "README.md", "LICENSE"].includes(
      file,
    ) &&
    !file.startsWith("src/")
  );
  assertEquals(foreign, []);
});
