/** What somebody meets who uses a clone: in a package of their own, as a command, or to publish it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join, toFileUrl } from "@std/path";
import { COMMANDS } from "../src/cli/commands.ts";
import { createImage } from "./create_image.ts";
import { allStates, sampledRows } from "./sampling.ts";
import { exists, onlyOn, quickFiles, ROOT, run, TempDir, testWith, tool } from "./support.ts";
import { KERNEL32, VIRTDISK } from "./windows/system.ts";

/** What a clone has of the package. Not the repository itself: there, its own tasks run meanwhile. */
const PARTS = [
  "deno.json",
  "mod.ts",
  "ffi.ts",
  "portable.ts",
  "serve.ts",
  "src",
  "docs",
  "examples",
  "README.md",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "PROOF.md",
  "LICENSE",
  "tests/offline",
];
/** With this Deno on it, by which what is installed is run. */
const PATH = [dirname(Deno.execPath()), Deno.env.get("PATH")]
  .join(Deno.build.os === "windows" ? ";" : ":");
const USE = 'import { parseSize } from "@virtdisk/virtdisk";\nconsole.log(parseSize("1KiB"));\n';

/** Clones for all tests, which change nothing in them: Deno compiles the modules of each folder anew. */
const shared = new Map<string, TempDir>();

/**
 * A clone for all tests that name the same parts.
 *
 * @param without A folder that it does not have.
 */
function sharedClone(without = ""): string {
  let dir = shared.get(without);
  if (dir === undefined) {
    const made = dir = new TempDir();
    shared.set(without, made);
    addEventListener("unload", () => made[Symbol.dispose]());
    clone(made);
    if (without !== "") Deno.removeSync(made.file(`clone/${without}`), { recursive: true });
  }
  return dir.file("clone");
}

/** A new folder for a project, beside a clone for all tests. */
function projectBeside(folder: string): string {
  return Deno.makeTempDirSync({ dir: dirname(folder), prefix: "project" });
}

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

for (const [i, [name, configuration]] of Object.entries(CONFIGURATIONS).entries()) {
  testWith(
    [quickFiles, ...i === 0 ? [] : [allStates]],
    `package: ${name} works without a warning`,
    () => {
      const project = projectBeside(sharedClone());
      Deno.writeTextFileSync(join(project, "deno.json"), JSON.stringify(configuration));
      Deno.writeTextFileSync(join(project, "main.ts"), USE);
      const args = ["run", "--no-prompt", "--no-lock", "main.ts"];
      const { code, out, err } = outcome(Deno.execPath(), args, project);
      assertEquals({ code, out, err }, { code: 0, out: "1024\n", err: "" });
    },
  );
}

/** What a consumer does with an entry point, and the permissions that this needs; `images` is a folder of theirs. */
interface Use {
  readonly name: string;
  readonly code: string;
  readonly flags: readonly string[];
  readonly out: RegExp;
}

const IMAGES = "--allow-read=images";
const USES: Readonly<Record<string, Use>> = {
  ".": {
    name: "reads where it may",
    code: `import { openVirtualDisk } from "@virtdisk/virtdisk";
      using disk = await openVirtualDisk("images/disk.vhdx", { backend: "portable" });
      console.log(disk.format, disk.size);`,
    flags: [IMAGES],
    out: /^vhdx 8388608$/,
  },
  "./portable": {
    name: "creates and reads where it may",
    code: `import { createVirtualDisk, openVirtualDiskSync } from "@virtdisk/virtdisk/portable";
      (await createVirtualDisk("images/new.vhd", { size: "3MiB" })).close();
      using disk = openVirtualDiskSync("images/new.vhd");
      console.log(disk.format, disk.readSync(new Uint8Array(512), 0));`,
    flags: [IMAGES, "--allow-write=images"],
    out: /^vhd 512$/,
  },
  "./serve": {
    name: "serves at one port",
    code: `import { openVirtualDisk } from "@virtdisk/virtdisk/portable";
      import { serveVirtualDisk } from "@virtdisk/virtdisk/serve";
      using disk = await openVirtualDisk("images/disk.vhdx");
      await using server = await serveVirtualDisk(disk, { port: 0 });
      console.log(server.uri);`,
    flags: [IMAGES, "--allow-net=127.0.0.1:0"],
    out: /^nbd:\/\/127\.0\.0\.1:\d+/,
  },
  "./ffi": {
    name: "loads the two libraries, and nothing off Windows",
    code: `import { systemLibraries, VIRTUAL_STORAGE_TYPE } from "@virtdisk/virtdisk/ffi";
      try {
        console.log(VIRTUAL_STORAGE_TYPE.size, typeof systemLibraries().kernel32.CloseHandle);
      } catch (error) {
        console.log(VIRTUAL_STORAGE_TYPE.size, error.symbol ?? error.message);
      }`,
    flags: [`--allow-ffi=${VIRTDISK},${KERNEL32}`],
    out: Deno.build.os === "windows"
      ? /^20 (?:function|ERROR_MOD_NOT_FOUND)$/
      : /^20 ERROR_NOT_SUPPORTED$/,
  },
  "./cli": {
    name: "runs a command where it may",
    code: `import { main } from "@virtdisk/virtdisk/cli";
      const status = await main(["info", "--backend", "portable", "--quiet", "images/disk.vhdx"]);
      console.log(status);`,
    flags: [IMAGES],
    out: /^0$/,
  },
};

Deno.test("package: each entry point is used by a project of its own, with no more permission than that needs", async (t) => {
  const folder = sharedClone();
  const config = Deno.readTextFileSync(join(folder, "deno.json"));
  const { name, exports } = JSON.parse(config) as { name: string; exports: Record<string, string> };
  assertEquals(Object.keys(USES).sort(), Object.keys(exports).sort());
  const project = projectBeside(folder);
  Deno.mkdirSync(join(project, "images"));
  const imports = Object.entries(exports).map(([entry, path]) => [
    name + entry.slice(1),
    `../clone/${path.slice(2)}`,
  ]);
  const map = { imports: Object.fromEntries(imports) };
  Deno.writeTextFileSync(join(project, "deno.json"), JSON.stringify(map));
  (await createImage(join(project, "images", "disk.vhdx"), { size: 8 << 20 })).close();
  for (
    const [index, [entry, { name, code, flags, out: expected }]] of Object.entries(USES).entries()
  ) {
    await t.step(`${entry} ${name}`, () => {
      Deno.writeTextFileSync(join(project, "main.ts"), code);
      const runWith = (given: readonly string[]) =>
        outcome(Deno.execPath(), ["run", "--no-prompt", "--no-lock", ...given, "main.ts"], project);
      // Off Windows no library is asked for.
      const needed = entry === "./ffi" && Deno.build.os !== "windows" ? [] : flags;
      for (const missing of sampledRows(needed, 2, index)) {
        const less = runWith(flags.filter((flag) => flag !== missing));
        const kind = missing.slice("--allow-".length).split("=")[0]!;
        assertMatch(less.out + less.err, new RegExp(`Requires ${kind} access`));
      }
      const { code: status, out, err } = runWith(flags);
      assertEquals([status, err], [0, ""]);
      assertMatch(out.trim(), expected);
    });
  }
});

/** Does with an entry point what needs no Windows, to an image that it makes. */
const WITHOUT_NATIVE = `
const [entry, path] = Deno.args;
const { createVirtualDisk, openVirtualDisk, openVirtualDiskSync } = await import(entry);
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
      const folder = sharedClone("src/native");
      Deno.writeTextFileSync(join(folder, "main.ts"), WITHOUT_NATIVE);
      const allowed = ["--allow-read", "--allow-write", "--no-prompt", "--no-check"];
      const args = ["run", ...allowed, "main.ts", `./${face}`, dir.file("disk.vhdx")];
      const { code, out, err } = outcome(Deno.execPath(), args, folder);
      assertEquals({ code, out, err }, {
        code: 0,
        out: "8388608 vhdx ERROR_NOT_SUPPORTED\n",
        err: "",
      });
    },
  });
}

testWith(
  [quickFiles, allStates],
  "package: portable.ts is checked without a type of the native backend",
  () => {
    const folder = sharedClone("src/native");
    const { code, err } = outcome(Deno.execPath(), ["check", "portable.ts"], folder);
    assertEquals(code, 0, err);
  },
);

/** Installs the command line of a clone as the README says, in a folder of its own; gives what was said. */
function install(dir: TempDir): string {
  return installAs(dir, sharedClone(), "virtdisk", ["--allow-read", "--allow-write"]);
}

/** Installs a command with the given permissions. */
function installAs(
  dir: TempDir,
  folder: string,
  name: string,
  allowed: readonly string[],
): string {
  const options = ["--global", "--root", dir.file("root"), "--name", name];
  const args = ["install", ...options, ...allowed, "--config", "deno.json", "src/cli/main.ts"];
  const { code, out, err } = outcome(Deno.execPath(), args, folder);
  assertEquals(code, 0, err);
  return out + err;
}

/** How an installed command is started: a program, and its first arguments. */
function installed(dir: TempDir, name: string): readonly [string, readonly string[]] {
  return Deno.build.os === "windows"
    ? ["cmd", ["/c", dir.file(`root\\bin\\${name}.cmd`)]]
    : [dir.file(`root/bin/${name}`), []];
}

Deno.test("package: what is installed with too few permissions says which flag it lacks, and asks nobody", async () => {
  using dir = new TempDir();
  const folder = sharedClone();
  (await createImage(dir.file("disk.vhdx"), { size: 8 << 20 })).close();
  const rows = [
    { allowed: [], line: "info disk.vhdx", missing: "read" },
    { allowed: ["--allow-read"], line: "create new.vhdx 64MiB", missing: "write" },
    { allowed: ["--allow-read", "--allow-write"], line: "serve disk.vhdx", missing: "net" },
  ];
  for (const { allowed, line, missing } of sampledRows(rows, 2)) {
    const name = `lacks-${missing}`;
    installAs(dir, folder, name, allowed);
    const [program, first] = installed(dir, name);
    // Standard input is a pipe that says nothing, and does not end: whoever asked would wait for ever.
    const child = new Deno.Command(program, {
      args: [...first, ...line.split(" ")],
      cwd: dir.path,
      env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", PATH },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(120_000),
    }).spawn();
    const { code, signal, stdout, stderr } = await child.output();
    await child.stdin.close().catch(() => {});
    const text = new TextDecoder();
    const [out, err] = [text.decode(stdout), text.decode(stderr)];
    assertEquals([code, signal, out], [2, null, ""], err);
    assertMatch(
      err,
      new RegExp(
        `^virtdisk: .*: start virtdisk with --allow-${missing}, or install it again with that flag\\r?\\n$`,
      ),
    );
  }
  assertEquals(exists(dir.file("new.vhdx")), false);
});

Deno.test("package: the command line of a clone can be installed, run and taken away", () => {
  using dir = new TempDir();
  const said = install(dir);
  assert(!/warning|error/i.test(said), said);
  const [program, first] = installed(dir, "virtdisk");
  const version = outcome(program, [...first, "--version"], dir.path);
  assertEquals([version.code, version.err], [0, ""]);
  assertMatch(version.out, /^virtdisk \d+\.\d+\.\d+ \(Deno /);
  const created = outcome(program, [...first, "create", "disk.vhdx", "64MiB"], dir.path);
  assertEquals([created.code, created.err], [0, ""]);
  assert(Deno.statSync(dir.file("disk.vhdx")).isFile);

  const remove = ["uninstall", "--global", "--root", dir.file("root"), "virtdisk"];
  const removed = outcome(Deno.execPath(), remove, dir.path);
  assertEquals(removed.code, 0, removed.err);
  assertEquals([...Deno.readDirSync(dir.file("root/bin"))].map(({ name }) => name), []);
});

testWith(
  [onlyOn("linux", "darwin"), tool("script"), allStates],
  "package: what is installed warns of nothing on a terminal",
  () => {
    using dir = new TempDir();
    install(dir);
    const line = `PATH='${PATH}' NO_COLOR=1 DENO_NO_UPDATE_CHECK=1 ${
      dir.file("root/bin/virtdisk")
    }`;
    const shown = (args: string) =>
      run("script", "-qec", `cd ${dir.path}; ${line} ${args}`, "/dev/null");
    assertMatch(shown("--version"), /^virtdisk \d+\.\d+\.\d+ \(Deno [^\n]*\)\r\n$/);
    assertMatch(shown("create disk.vhdx 64MiB"), /^[^\n]*disk\.vhdx[^]*$/);
    assert(!/warning|Download|Allow\?/i.test(shown("info disk.vhdx")));
  },
);

testWith(
  [quickFiles, allStates],
  "package: publishing takes the files of the package alone, and warns of nothing",
  () => {
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
      ![
        "deno.json",
        "mod.ts",
        "ffi.ts",
        "portable.ts",
        "serve.ts",
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "PROOF.md",
        "LICENSE",
      ].includes(file) &&
      !/^(?:src|docs(?!\/build)|examples)\//.test(file)
    );
    assertEquals(foreign, []);
    // A registry shows the pages with their links.
    for (const page of files.filter((file) => file.endsWith(".md"))) {
      const text = Deno.readTextFileSync(join(folder, page));
      for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
        const target = new URL(link!, root + page).href.slice(root.length);
        assert(
          files.some((file) => file === target || file.startsWith(target)),
          `${page}: ${link}`,
        );
      }
    }
  },
);

Deno.test("package: the newest entry of CHANGELOG.md is of the version of deno.json", () => {
  const [, newest] = /^## (\S+?)(?:,|$)/m.exec(read("CHANGELOG.md")) ?? [];
  assertEquals(newest, JSON.parse(read("deno.json")).version);
});

Deno.test("package: CHANGELOG.md names every command that does something with a disk", () => {
  const text = read("CHANGELOG.md");
  const general = ["completions", "manual"];
  for (const name of COMMANDS.keys()) {
    if (!general.includes(name)) assert(text.includes(`\`${name}\``), name);
  }
});

Deno.test("package: what needs a version of Deno names the same", () => {
  const [, least] = /^\| Deno +\| (\d+\.\d+)\.\d+/m.exec(read("docs/versions.md")) ?? [];
  assertMatch(read("README.md"), new RegExp(`Deno ${least}\\.\\d+ or newer`));
  assertMatch(read("src/portable/file/file_locks.ts"), new RegExp(`Deno ${least} can`));
  const [, tested] = /^export DENO_VERSION=(\S+)$/m.exec(read(".ci/run")) ?? [];
  assertMatch(read("docs/versions.md"), new RegExp(`\\| ${tested}, which`));
  assertMatch(read("CONTRIBUTING.md"), new RegExp(`deno@${tested} `));
});

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path)).replaceAll("\r\n", "\n");
}
