import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { diagnose } from "@virtdisk/virtdisk";
import { type Finding, finding } from "../../src/disk/finding.ts";
import {
  attributeFindings,
  diagnoseNative,
  diagnosePlace,
  privilegeFindings,
} from "../../src/native/diagnose.ts";
import { systemLibraries } from "../../src/native/ffi/library.ts";
import { openNative } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import { createImage } from "../create_image.ts";
import { onlyOn, TempDir, testWith } from "../support.ts";
import { IMAGE, testRowsWithDouble, testWithDouble } from "./with_double.ts";

/** What the double and the place lead to; what this process may do differs from machine to machine. */
function withoutPrivileges(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ subject }) => subject !== "privilege");
}

function summary({ severity, subject, symbol }: Finding): [string, string, string | undefined] {
  return [severity, subject, symbol];
}

testWithDouble(
  "an image that opens and is not attached has no findings",
  ({ libraries, double }) => {
    assertEquals(withoutPrivileges(diagnoseNative(IMAGE, [], libraries)), []);
    assertEquals(double.calls("OpenVirtualDisk"), 2);
    const { parameters, flags } = double.lastOpen;
    assertEquals([parameters?.getInfoOnly, flags], [1, 1]);
    diagnoseNative("C:\\images\\a.iso", [], libraries);
    assertEquals(double.lastOpen.flags, 0);
  },
);

const OPENING: [code: number, subject: string][] = [
  [5, "access"],
  [32, "lock"],
  [618, "compression"],
  [665, "network"],
  [6002, "encryption"],
  [1392, "format"],
  [0xc03a000d, "parent"],
  [0xc03a000f, "parent"],
];

testRowsWithDouble("diagnoseNative() makes a finding of what Windows opens with", async (step) => {
  for (const [code, subject] of OPENING) {
    await step(`${code}: ${subject}`, (context) => {
      context.double.nextOpen(code);
      const [found, ...more] = withoutPrivileges(diagnoseNative(IMAGE, [], context.libraries));
      assertEquals(more, []);
      assertEquals([found?.severity, found?.subject, found?.code, found?.path], [
        "error",
        subject,
        code,
        IMAGE,
      ]);
    });
  }
});

testWithDouble("an error that is known already is not told twice", ({ libraries, double }) => {
  const known = finding("error", "lock", IMAGE, "known", { symbol: "ERROR_SHARING_VIOLATION" });
  double.nextOpen(32, 2);
  assertEquals(withoutPrivileges(diagnoseNative(IMAGE, [known], libraries)), []);
  double.nextOpen(32, 2);
  const warned = diagnoseNative(IMAGE, [{ ...known, severity: "warning" }], libraries);
  assertEquals(withoutPrivileges(warned).map(({ severity }) => severity), ["error"]);
});

testWithDouble("an image that is attached is told with its device", ({ libraries }) => {
  const kernel32 = { ...libraries.kernel32 };
  const virtdisk = {
    ...libraries.virtdisk,
    GetVirtualDiskPhysicalPath: (_handle: bigint, size: unknown, buffer: unknown) => {
      const text = "\\\\.\\PhysicalDrive47\0";
      (size as Uint32Array)[0] = text.length * 2;
      const units = Uint16Array.from([...text].map((unit) => unit.charCodeAt(0)));
      (buffer as Uint8Array).set(new Uint8Array(units.buffer));
      return 0;
    },
  };
  const [found, ...more] = withoutPrivileges(
    diagnoseNative(IMAGE, [], { kernel32, virtdisk: virtdisk as typeof libraries.virtdisk }),
  );
  assertEquals(more, []);
  assertEquals(summary(found!), ["warning", "attachment", "ERROR_SHARING_VIOLATION"]);
  assertEquals(found!.message, "the image is attached: \\\\.\\PhysicalDrive47");
  assertMatch(found!.command!, /^Dismount-DiskImage -ImagePath \S/);
});

testWithDouble("that the device cannot be asked for is told", ({ libraries, double }) => {
  double.nextResult("GetVirtualDiskPhysicalPath", 31);
  const found = withoutPrivileges(diagnoseNative(IMAGE, [], libraries));
  assertEquals(found.map(summary), [["info", "attachment", "ERROR_GEN_FAILURE"]]);
});

Deno.test("each attribute that matters is a finding", () => {
  const rows: [bits: number, found: ReturnType<typeof summary>[]][] = [
    [0x20, []],
    [0x1, [["warning", "access", "ERROR_ACCESS_DENIED"]]],
    [0x200, [["warning", "sparse", "ERROR_VIRTUAL_DISK_LIMITATION"]]],
    [0x800, [["error", "compression", "ERROR_UNSUPPORTED_COMPRESSION"]]],
    [0x4000, [["error", "encryption", "ERROR_FILE_ENCRYPTED"]]],
    [0x1000, [["warning", "medium", "ERROR_VIRTUAL_DISK_LIMITATION"]]],
    [0x40000, [["warning", "medium", "ERROR_VIRTUAL_DISK_LIMITATION"]]],
    [0x400000, [["warning", "medium", "ERROR_VIRTUAL_DISK_LIMITATION"]]],
  ];
  for (const [bits, found] of rows) {
    assertEquals(attributeFindings(IMAGE, bits).map(summary), found, bits.toString(16));
  }
  const all = attributeFindings(IMAGE, 0x4a01);
  assertEquals(all.map(({ subject }) => subject), [
    "compression",
    "encryption",
    "sparse",
    "access",
  ]);
  for (const { remedy, path } of all) assertEquals([typeof remedy, path], ["string", IMAGE]);
  const spaced = attributeFindings("C:\\two words\\it's.vhdx", 0x4a01);
  assertEquals(spaced.map(({ command }) => command), [
    'compact /u "C:\\two words\\it\'s.vhdx"',
    'cipher /d "C:\\two words\\it\'s.vhdx"',
    'fsutil sparse setflag "C:\\two words\\it\'s.vhdx" 0',
    'attrib -r "C:\\two words\\it\'s.vhdx"',
  ]);
});

Deno.test("paths on a network are a warning, and no others", () => {
  const unknown = { GetFileAttributesW: () => 0xffffffff };
  const about = (path: string) => diagnosePlace(path, unknown).map(summary);
  const warning = [["warning", "network", "ERROR_FILE_SYSTEM_LIMITATION"]];
  for (const path of ["\\\\server\\share\\a.vhd", "\\\\?\\UNC\\server\\share\\a.vhd"]) {
    assertEquals(about(path), warning as ReturnType<typeof about>, path);
  }
  for (const path of ["C:\\a.vhd", "\\\\?\\C:\\a.vhd", "\\\\?\\Volume{1}\\a.vhd", "\\\\.\\C:\\a"]) {
    assertEquals(about(path), [], path);
  }
});

Deno.test("a missing privilege is a warning that says how to get it", () => {
  const [held] = privilegeFindings(IMAGE, { elevated: true, manageVolume: true });
  assertEquals(summary(held!), ["info", "privilege", undefined]);
  const [user] = privilegeFindings(IMAGE, { elevated: false, manageVolume: false });
  assertEquals(summary(user!), ["warning", "privilege", "ERROR_PRIVILEGE_NOT_HELD"]);
  assertMatch(user!.remedy!, /as an administrator/);
  assertEquals(user!.command, "Start-Process powershell -Verb RunAs");
  const iso = "C:\\images\\setup.ISO";
  const [mounting] = privilegeFindings(iso, { elevated: false, manageVolume: false });
  assertEquals([mounting!.severity, mounting!.remedy], ["info", undefined]);
  assertMatch(
    mounting!.message,
    /does not run elevated, which an ISO image needs on Windows Server/,
  );
  const [service] = privilegeFindings(IMAGE, { elevated: true, manageVolume: false });
  assertMatch(service!.remedy!, /volume maintenance tasks/);
});

// The system's libraries stay loaded, which inside a test would be a leak.
if (Deno.build.os === "windows") systemLibraries();

testWith([onlyOn("windows")], "on Windows privileges and attributes are looked at", async () => {
  using dir = new TempDir();
  const path = dir.file("a.vhdx");
  (await createImage(path, { size: 8 << 20 })).close();
  const { findings } = await diagnose(path);
  const privilege = findings.find(({ subject }) => subject === "privilege");
  assertMatch(privilege!.message, /^this process (runs|does not run) elevated and (holds|lacks) /);
  Deno.chmodSync(path, 0o444);
  try {
    const access = (await diagnose(path)).findings.filter(({ subject }) => subject === "access");
    assertStringIncludes(JSON.stringify(access), "read-only attribute");
  } finally {
    Deno.chmodSync(path, 0o666);
  }
});

testWithDouble(
  "a diagnosis leaves no handle open where the disk is open too",
  ({ libraries, double }) => {
    using _disk = openNative(openRequest(IMAGE, {}), libraries);
    diagnoseNative(IMAGE, [], libraries);
    assertEquals(double.liveHandles, 1);
  },
);

testWithDouble(
  "an image that Windows does not read for its log says how to replay it",
  (context) => {
    const { double, libraries } = context;
    double.answers.soilLog(IMAGE);
    const known = finding("warning", "log", IMAGE, "its log holds changes");
    const [found, ...more] = withoutPrivileges(diagnoseNative(IMAGE, [known], libraries));
    assertEquals(more, []);
    assertEquals(summary(found!), ["error", "log", "ERROR_ACCESS_DENIED"]);
    assertStringIncludes(found!.message, "its log must be replayed");
    assertStringIncludes(found!.remedy!, "with { readOnly: false }");
    // Without a word about its log it is an image that may not be read.
    const [other] = withoutPrivileges(diagnoseNative(IMAGE, [], libraries));
    assertEquals(summary(other!), ["error", "access", "ERROR_ACCESS_DENIED"]);
    openNative(openRequest(IMAGE, { readOnly: false }), libraries).close();
    assertEquals(withoutPrivileges(diagnoseNative(IMAGE, [known], libraries)), []);
  },
);
