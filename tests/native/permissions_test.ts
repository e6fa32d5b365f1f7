import { assertEquals, assertMatch } from "@std/assert";
import { buildDouble, doubleNeed } from "../double/double.ts";
import { runnable } from "../bundles.ts";
import { run, testWith } from "../support.ts";

/** What a script prints that runs with these permissions alone. */
function deno(permissions: readonly string[], script: string, ...args: string[]): string {
  const path = runnable(`tests/native/children/${script}`);
  return run(Deno.execPath(), "run", "--no-prompt", ...permissions, path, ...args);
}

function openWith(permissions: readonly string[], image: string) {
  const { virtdisk, kernel32 } = buildDouble();
  return JSON.parse(deno(permissions, "open_once.ts", virtdisk, kernel32, image));
}

testWith([doubleNeed], "without --allow-ffi an open is refused by Deno's own error", () => {
  assertEquals(openWith([], "a.vhdx"), { failed: "NotCapable", isNotCapable: true });
  const others = ["--allow-read", "--allow-write", "--allow-env", "--allow-sys"];
  assertEquals(openWith(others, "a.vhdx"), { failed: "NotCapable", isNotCapable: true });
});

// Off Windows one library answers for both.
if (Deno.build.os === "windows") {
  testWith([doubleNeed], "--allow-ffi for one of the two libraries is not enough", () => {
    for (const library of Object.values(buildDouble())) {
      const result = openWith([`--allow-ffi=${library}`], "a.vhdx");
      assertEquals(result, { failed: "NotCapable", isNotCapable: true });
    }
  });
}

testWith([doubleNeed], "--allow-ffi for the two libraries opens, by a relative path too", () => {
  const { virtdisk, kernel32 } = buildDouble();
  const { opened } = openWith([`--allow-ffi=${virtdisk},${kernel32}`], "a.vhdx");
  assertEquals(opened.length, 2);
  for (const path of opened) assertMatch(path, /^[A-Z]:\\.*a\.vhdx$/);
});

testWith([doubleNeed], "--allow-ffi for the two libraries creates, attaches and operates", () => {
  const { virtdisk, kernel32 } = buildDouble();
  const permissions = [`--allow-ffi=${virtdisk},${kernel32}`];
  const { physicalPath, fraction, outcome } = JSON.parse(
    deno(permissions, "operate_once.ts", virtdisk, kernel32),
  );
  assertEquals(fraction, 1);
  assertMatch(outcome, /^(enough|done)$/); // a busy machine may be late with the cancelling
  assertMatch(physicalPath, /^\\\\\.\\PhysicalDrive\d+$/);
});

Deno.test("importing needs no permission and loads nothing", () => {
  const [imported] = deno([], "open_system.ts").split(/\r?\n/);
  assertEquals(imported, "imported");
});

Deno.test("an open without any permission says what is in the way", () => {
  const [, outcome] = deno([], "open_system.ts").split(/\r?\n/);
  if (Deno.build.os === "windows") assertEquals(outcome, "NotCapable");
  else assertMatch(outcome!, /^ERROR_NOT_SUPPORTED .*portable/);
});
