/** Temporary files that killed programs leave: the next command removes them, and none that is in use. */
import { assertEquals, assertMatch } from "@std/assert";
import { createVirtualDisk, openVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../../create_image.ts";
import { startConverting } from "../../cli/unfinished_command.ts";
import { denoCommand } from "../../deno_command.ts";
import { IS_FULL } from "../../sampling.ts";
import { circumstance, ROOT, TempDir, testWith } from "../../support.ts";

const MIB = 2 ** 20;
const WEEK = 7 * 24 * 60 * 60 * 1000;
const IS_TEMPORARY = /^\.virtdisk-[0-9a-f]+-[0-9a-f-]{36}\.tmp$/;

/** Elsewhere locks may stay unseen, so that nothing is certain. */
const blockDevice = circumstance(() => {
  using dir = new TempDir();
  const isOne = Deno.build.os === "linux" && Math.floor(deviceOf(dir) / 256) % 4096 !== 0;
  return isOne ? undefined : "the temporary folder lies on no block device of Linux";
});

function names(dir: TempDir): string[] {
  return Array.from(Deno.readDirSync(dir.path), ({ name }) => name).sort();
}

/** A name as that of a program that sees the folder on this device. */
function temporaryName(device: number): string {
  return `.virtdisk-${device.toString(16)}-${crypto.randomUUID()}.tmp`;
}

function deviceOf(dir: TempDir): number {
  return Deno.statSync(dir.path).dev;
}

testWith(
  [blockDevice],
  "what a killed conversion leaves is removed by the next one, but nothing of a living one",
  async () => {
    using dir = new TempDir();
    const living = await startConverting(dir, "living.vhdx");
    const killed = await startConverting(dir, "killed.vhdx");
    killed.child.kill("SIGKILL");
    await killed.child.output();
    await killed.writer.abort().catch(() => {});
    assertMatch(killed.file, IS_TEMPORARY);
    assertEquals(names(dir), [living.file, killed.file].sort());
    (await createImage(dir.file("next.vhd"), { size: 3 * MIB })).close();
    assertEquals(names(dir), [living.file, "next.vhd"]);
    await living.writer.close();
    const { code, stderr } = await living.child.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    assertEquals(names(dir), ["living.vhdx", "next.vhd"]);
  },
);

testWith([blockDevice], "opening for writing, a merge and a copy remove it too", async (t) => {
  using dir = new TempDir();
  const size = 3 * MIB;
  (await createImage(dir.file("a.vhd"), { size })).close();
  (await createImage(dir.file("b.vhd"), { parent: dir.file("a.vhd") })).close();
  const backend = "portable";
  const rows: [name: string, run: () => Promise<unknown>][] = [
    [
      "open",
      async () => (await openVirtualDisk(dir.file("b.vhd"), { backend, readOnly: false })).close(),
    ],
    ["merge", async () => {
      using disk = await openVirtualDisk(dir.file("b.vhd"), { backend });
      await disk.merge({ into: dir.file("c.vhd") });
    }],
    [
      "copy",
      async () => (await createImage(dir.file("d.vhdx"), { source: dir.file("b.vhd") })).close(),
    ],
  ];
  for (const [name, run] of rows) {
    await t.step(name, async () => {
      Deno.writeTextFileSync(dir.file(temporaryName(deviceOf(dir))), "left");
      await run();
      assertEquals(names(dir).filter((each) => each.startsWith(".")), []);
    });
  }
});

Deno.test("a dry run and an open for reading remove nothing", async () => {
  using dir = new TempDir();
  (await createImage(dir.file("a.vhd"), { size: 3 * MIB })).close();
  const left = temporaryName(deviceOf(dir));
  Deno.writeTextFileSync(dir.file(left), "left");
  using disk = await openVirtualDisk(dir.file("a.vhd"), { backend: "portable" });
  await disk.merge({ into: dir.file("c.vhd"), dryRun: true });
  assertEquals(names(dir), [left, "a.vhd"]);
});

Deno.test("what may belong to a living program elsewhere stays, unless it is old", async (t) => {
  const rows: [name: string, make: (dir: TempDir) => string, age: number, stays: boolean][] = [
    ["made by who sees another device", (dir) => temporaryName(deviceOf(dir) + 1), 0, true],
    ["the same, a week ago", (dir) => temporaryName(deviceOf(dir) + 1), WEEK, false],
    ["the same, of tomorrow", (dir) => temporaryName(deviceOf(dir) + 1), -WEEK, true],
    ["made on a device that may be a share", () => temporaryName(45), 0, true],
    ["another name", () => ".virtdisk-notes.tmp", 2 * WEEK, true],
    ["another name that looks alike", () => `${temporaryName(45)}.bak`, 2 * WEEK, true],
  ];
  for (const [name, make, age, stays] of rows) {
    await t.step(name, async () => {
      using dir = new TempDir();
      const left = make(dir);
      Deno.writeTextFileSync(dir.file(left), "left");
      const time = new Date(Date.now() - age - 1000);
      Deno.utimeSync(dir.file(left), time, time);
      (await createImage(dir.file("a.vhd"), { size: 3 * MIB })).close();
      assertEquals(names(dir), stays ? [left, "a.vhd"] : ["a.vhd"]);
    });
  }
});

testWith(
  [blockDevice],
  "a link or a folder of such a name stays, and a locked file",
  async () => {
    using dir = new TempDir();
    const [link, folder, locked] = [1, 2, 3].map(() => temporaryName(deviceOf(dir)));
    Deno.writeTextFileSync(dir.file("precious"), "precious");
    Deno.symlinkSync(dir.file("precious"), dir.file(link!));
    Deno.mkdirSync(dir.file(folder!));
    Deno.writeTextFileSync(dir.file(locked!), "half");
    {
      using file = Deno.openSync(dir.file(locked!), { read: true, write: true });
      file.lockSync(true);
      (await createImage(dir.file("a.vhd"), { size: 3 * MIB })).close();
      assertEquals(names(dir), [link!, folder!, locked!, "a.vhd", "precious"].sort());
      // To close it is not enough: a test beside this one may be starting a program, which has a copy.
      file.unlockSync();
    }
    (await createImage(dir.file("b.vhd"), { size: 3 * MIB })).close();
    assertEquals(names(dir), [link!, folder!, "a.vhd", "b.vhd", "precious"].sort());
  },
);

testWith([blockDevice], "a file that is taken for an abandoned one is made anew", async () => {
  using dir = new TempDir();
  const original = Deno.FsFile.prototype.tryLockSync;
  let isFirst = true;
  Deno.FsFile.prototype.tryLockSync = function (exclusive) {
    const [temporary] = names(dir);
    // Another program comes between making and locking.
    if (isFirst && exclusive && temporary !== undefined) {
      isFirst = false;
      Deno.removeSync(dir.file(temporary));
    }
    return original.call(this, exclusive);
  };
  try {
    (await createImage(dir.file("a.vhd"), { size: 3 * MIB })).close();
  } finally {
    Deno.FsFile.prototype.tryLockSync = original;
  }
  assertEquals([isFirst, names(dir)], [false, ["a.vhd"]]);
});

testWith(
  [blockDevice],
  "a writer with permission for its image alone asks for no more",
  async () => {
    using dir = new TempDir();
    const path = dir.file("a.vhd");
    (await createVirtualDisk(path, { size: 3 * MIB, backend: "portable" })).close();
    const left = temporaryName(deviceOf(dir));
    Deno.writeTextFileSync(dir.file(left), "left");
    const script = `import { openVirtualDisk } from ${JSON.stringify(`${ROOT}/mod.ts`)};
    const options = { backend: "portable", readOnly: false, ignoreChildren: true };
    using disk = await openVirtualDisk(Deno.args[0], options);
    disk.writeSync(new Uint8Array(512), 0);`;
    Deno.writeTextFileSync(dir.file("script.js"), script);
    const { code, stderr } = await denoCommand({
      args: [
        ...["run", "--no-prompt", "--config", `${ROOT}/deno.json`],
        ...[`--allow-read=${path}`, `--allow-write=${path}`, dir.file("script.js"), path],
      ],
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    assertEquals(names(dir), [left, "a.vhd", "script.js"]);
  },
);

Deno.test("a new file is locked until it has its name, and its temporary one is gone", async (t) => {
  for (const [how, overwrite] of [["linkSync", false], ["renameSync", true]] as const) {
    await t.step(how, async () => {
      using dir = new TempDir();
      const original = Deno[how] as (from: string, to: string) => void;
      const seen: boolean[] = [];
      const looking = (from: string, to: string) => {
        using file = Deno.openSync(from);
        seen.push(file.tryLockSync(false));
        original(from, to);
      };
      Object.assign(Deno, { [how]: looking });
      try {
        const options = { size: 3 * MIB, overwrite };
        (await createImage(dir.file("a.vhd"), options)).close();
      } finally {
        Object.assign(Deno, { [how]: original });
      }
      assertEquals([seen, names(dir)], [[false], ["a.vhd"]]);
    });
  }
});

testWith(
  [blockDevice],
  "programs that create in one folder at once leave each other alone",
  async () => {
    using dir = new TempDir();
    const [programs, disks] = [IS_FULL ? 4 : 2, 25];
    const script = `import { createVirtualDisk } from ${JSON.stringify(`${ROOT}/mod.ts`)};
    const [folder, program, disks] = Deno.args;
    for (let disk = 0; disk < Number(disks); disk++) {
      const options = { size: ${3 * MIB}, backend: "portable" };
      (await createVirtualDisk(\`\${folder}/\${program}-\${disk}.vhd\`, options)).close();
    }`;
    using scripts = new TempDir();
    Deno.writeTextFileSync(scripts.file("create.js"), script);
    const outcomes = await Promise.all(
      Array.from({ length: programs }, (_, program) =>
        denoCommand({
          args: [
            ...["run", "--no-prompt", "--config", `${ROOT}/deno.json`],
            ...[`--allow-read=${dir.path}`, `--allow-write=${dir.path}`, scripts.file("create.js")],
            ...[dir.path, String(program), String(disks)],
          ],
          env: { NO_COLOR: "1" },
        }).output()),
    );
    const errors = outcomes.map(({ stderr }) => new TextDecoder().decode(stderr));
    assertEquals(errors, new Array(programs).fill(""));
    assertEquals(names(dir).length, programs * disks);
  },
);
