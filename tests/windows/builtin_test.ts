import { assertEquals, assertThrows } from "@std/assert";
import { openVirtualDiskSync, VirtualDiskError } from "@virtdisk/virtdisk";
import { VIRTDISK_FUNCTIONS } from "../../src/native/ffi/virtdisk.ts";
import { testWith } from "../support.ts";
import { loadOnce, systemHas, VIRTDISK } from "./system.ts";

loadOnce("wine");

/* Wine's VirtDisk.dll opens nothing, but it checks some arguments as Windows does, and was written by
   others after the documentation. It takes version 1 alone: a right call ends with
   ERROR_CALL_NOT_IMPLEMENTED, a wrong one, and version 2, with ERROR_INVALID_PARAMETER. */
const RIGHT = 120;
const WRONG = 87;

interface Call {
  type: Uint32Array<ArrayBuffer> | null;
  path: Uint16Array<ArrayBuffer> | null;
  mask: number;
  flags: number;
  parameters: Uint32Array<ArrayBuffer> | null;
}

const VHD = Uint32Array.of(2, 0xec984aec, 0x47e9a0f9, 0x41711f90, 0x5b34665a);
const PATH = Uint16Array.from("C:\\a.vhd\0", (c) => c.charCodeAt(0));

function parameters(version: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(11);
  words[0] = version;
  words[1] = 1;
  return words;
}

const CALLS: readonly [name: string, changes: Partial<Call>, result: number][] = [
  ["version 1", {}, RIGHT],
  ["all rights", { mask: 0x3f0000 }, RIGHT],
  ["NO_PARENTS", { flags: 1 }, RIGHT],
  ["an ISO image", { type: Uint32Array.of(1, ...VHD.subarray(1)), mask: 0xd0000 }, RIGHT],
  ["no storage type", { type: null }, WRONG],
  ["no path", { path: null }, WRONG],
  ["no parameters, which Windows allows", { parameters: null }, WRONG],
  ["version 0", { parameters: parameters(0) }, WRONG],
  ["version 2, which Windows allows", { parameters: parameters(2) }, WRONG],
  ["version 3, which Windows allows", { parameters: parameters(3) }, WRONG],
  ["version 99", { parameters: parameters(99) }, WRONG],
  ["a low access bit", { mask: 1 }, WRONG],
  ["a high access bit", { mask: 0x400000 }, WRONG],
  ["all low access bits", { mask: 0xffffff }, WRONG],
  ["a flag of Windows 10", { flags: 0x100 }, WRONG],
  ["the highest flag bit", { flags: 0x80000000 }, WRONG],
];

for (const [name, changes, result] of CALLS) {
  testWith([systemHas("wine")], `Wine's OpenVirtualDisk answers ${result} to ${name}`, () => {
    const call: Call = {
      ...{ type: VHD, path: PATH, mask: 0, flags: 0, parameters: parameters(1) },
      ...changes,
    };
    const library = Deno.dlopen(VIRTDISK, VIRTDISK_FUNCTIONS);
    try {
      const handle = new BigUint64Array(1);
      const { type, path, mask, flags } = call;
      assertEquals(
        library.symbols.OpenVirtualDisk(type, path, mask, flags, call.parameters, handle),
        result,
      );
      assertEquals(handle[0], 0n);
    } finally {
      library.close();
    }
  });
}

testWith(
  [systemHas("wine")],
  "the version that an open asks for is what VirtDisk.dll reads",
  () => {
    const code = (options: Parameters<typeof openVirtualDiskSync>[1]) =>
      assertThrows(
        () => openVirtualDiskSync("C:\\a.vhd", { ...options, backend: "native" }),
        VirtualDiskError,
      ).code;
    assertEquals(code({ rwDepth: 1 }), RIGHT);
    assertEquals(code({ rwDepth: 0, access: ["get-info"], flags: ["no-parents"] }), RIGHT);
    assertEquals(code({ readOnly: true }), WRONG);
    assertEquals(code({ snapshotId: "00000000-0000-0000-0000-000000000001" }), WRONG);
  },
);
