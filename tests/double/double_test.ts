import { assert, assertEquals } from "@std/assert";
import { testWith } from "../support.ts";
import { buildDouble, Double, doubleNeed, multiString } from "./double.ts";

const BINDING = {
  OpenVirtualDisk: {
    parameters: ["buffer", "buffer", "u32", "u32", "buffer", "buffer"],
    result: "u32",
  },
  GetVirtualDiskInformation: { parameters: ["u64", "buffer", "buffer", "buffer"], result: "u32" },
} as const;
const CLOSE = { CloseHandle: { parameters: ["u64"], result: "i32" } } as const;

const MICROSOFT = "ec984aec-a0f9-47e9-901f-71415a66345b";
// The bytes of the GUID above, as they lie in memory.
const MICROSOFT_BYTES = [
  ...[0xec, 0x4a, 0x98, 0xec, 0xf9, 0xa0, 0xe9, 0x47],
  ...[0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b],
];

interface Call {
  type: Uint8Array<ArrayBuffer> | null;
  path: string | null;
  mask: number;
  flags: number;
  parameters: Uint8Array<ArrayBuffer> | null;
  handle: BigUint64Array<ArrayBuffer> | null;
}

/** The libraries, loaded past the binding: the double itself is under test here. */
class Raw implements Disposable {
  readonly #libraries = buildDouble();
  readonly double = new Double(this.#libraries);
  readonly #virtdisk = Deno.dlopen(this.#libraries.virtdisk, BINDING);
  readonly #kernel32 = Deno.dlopen(this.#libraries.kernel32, CLOSE);

  open(changes: Partial<Call> = {}): number {
    const call: Call = {
      type: storageType(2),
      path: "C:\\a.vhd",
      mask: 0,
      flags: 0,
      parameters: parameters(2),
      handle: new BigUint64Array(1),
      ...changes,
    };
    const path = call.path === null ? null : units(`${call.path}\0`);
    return this.#virtdisk.symbols.OpenVirtualDisk(
      call.type,
      path,
      call.mask,
      call.flags,
      call.parameters,
      call.handle,
    );
  }

  opened(changes: Partial<Call> = {}): bigint {
    const handle = new BigUint64Array(1);
    assertEquals(this.open({ ...changes, handle }), 0);
    return handle[0]!;
  }

  query(handle: bigint, info: Uint32Array<ArrayBuffer>, size: Uint32Array<ArrayBuffer>): number {
    return this.#virtdisk.symbols.GetVirtualDiskInformation(handle, size, info, null);
  }

  close(handle: bigint): number {
    return this.#kernel32.symbols.CloseHandle(handle);
  }

  [Symbol.dispose](): void {
    this.#virtdisk.close();
    this.#kernel32.close();
    this.double[Symbol.dispose]();
  }
}

function units(text: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

function storageType(device: number, vendor = MICROSOFT_BYTES): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([device, 0, 0, 0, ...vendor]);
}

function parameters(version: number, ...words: number[]): Uint8Array<ArrayBuffer> {
  const all = new Uint32Array(11);
  all.set([version, ...words]);
  return new Uint8Array(all.buffer);
}

const PROVIDER_NOT_FOUND = 0xc03a0014;

const WRONG: readonly [name: string, changes: Partial<Call>, code?: number][] = [
  ["no storage type", { type: null }],
  ["no path", { path: null }],
  ["no place for the handle", { handle: null }],
  ["an access bit below ATTACH_RO", { mask: 0x8000, parameters: null }],
  ["an access bit above METAOPS", { mask: 0x400000, parameters: null }],
  ["an unknown flag", { flags: 0x1000 }],
  ["parameters of version 0", { parameters: parameters(0) }],
  ["parameters of version 4", { parameters: parameters(4) }],
  ["version 2 with an access mask", { mask: 0x80000 }],
  ["version 3 with an access mask", { mask: 0x80000, parameters: parameters(3) }],
  ["a device beyond VHDSET", { type: storageType(5) }, PROVIDER_NOT_FOUND],
  [
    "a vendor that is nobody",
    { type: storageType(2, MICROSOFT_BYTES.toReversed()) },
    PROVIDER_NOT_FOUND,
  ],
  ["an ISO image by version 2", { type: storageType(1) }],
];

testWith([doubleNeed], "the double refuses what Windows refuses", async (t) => {
  for (const [name, changes, code = 87] of WRONG) {
    await t.step(`${name}`, () => {
      using raw = new Raw();
      assertEquals(raw.open(changes), code);
      assertEquals(raw.double.lastOpen.result, code);
      assertEquals(raw.double.liveHandles, 0);
    });
  }
});

testWith(
  [doubleNeed],
  "the double accepts each version, and every documented flag and right",
  () => {
    using raw = new Raw();
    for (const version of [1, 2, 3]) {
      assertEquals(raw.open({ parameters: parameters(version), flags: 0xfff }), 0);
    }
    assertEquals(raw.open({ parameters: null, mask: 0x3f0000 }), 0);
    assertEquals(raw.open({ parameters: null, mask: 0xd0000, type: storageType(1) }), 0);
    assertEquals(raw.double.liveHandles, 5);
  },
);

testWith([doubleNeed], "the double records a call field by field", () => {
  using raw = new Raw();
  raw.opened({
    path: "C:\\\u00fc\ud800 \ud83d\udcbe.vhdx",
    flags: 1,
    parameters: parameters(3, 1, 2, 0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c, 0x13121110),
  });
  assertEquals(raw.double.lastOpen, {
    calls: 1,
    order: 1,
    result: 0,
    accessMask: 0,
    flags: 1,
    handleGiven: true,
    storageType: { deviceId: 2, vendorId: MICROSOFT },
    parameters: {
      version: 3,
      tailIsZero: true,
      getInfoOnly: 1,
      readOnly: 2,
      resiliencyGuid: "03020100-0504-0706-0809-0a0b0c0d0e0f",
      snapshotId: "13121110-0000-0000-0000-000000000000",
    },
    path: "C:\\\u00fc\ud800 \ud83d\udcbe.vhdx",
  });
  raw.opened({ parameters: parameters(1, 7, 1) });
  assertEquals(raw.double.lastOpen.parameters, { version: 1, tailIsZero: false, rwDepth: 7 });
  raw.open({ type: null, path: null, handle: null, parameters: null });
  const { calls, handleGiven, storageType: type, path, parameters: none } = raw.double.lastOpen;
  assertEquals([calls, handleGiven, type, path, none], [3, false, null, null, null]);
});

testWith([doubleNeed], "the double fails as many opens as it was told", () => {
  using raw = new Raw();
  raw.double.nextOpen(0xc03a0001, 2);
  assertEquals([raw.open(), raw.open(), raw.open()], [0xc03a0001, 0xc03a0001, 0]);
});

testWith([doubleNeed], "the double counts open handles", () => {
  using raw = new Raw();
  const first = raw.opened();
  const second = raw.opened();
  assert(first !== second);
  assertEquals(raw.double.liveHandles, 2);
  assertEquals(raw.close(first), 1);
  assertEquals(raw.double.liveHandles, 1);
  assertEquals(raw.query(first, new Uint32Array([1, 0]), new Uint32Array([8])), 6);
  raw.close(second);
  assertEquals(raw.double.liveHandles, 0);
  assertEquals(raw.double.doubleCloses, 0);
  assertEquals(raw.close(second), 0);
  assertEquals(raw.double.doubleCloses, Deno.build.os === "windows" ? 0 : 1);
});

testWith([doubleNeed], "the double asks for the room that a list of paths needs", () => {
  using raw = new Raw();
  const handle = raw.opened();
  const text = multiString("C:\\parent.vhd", "..\\parent.vhd");
  raw.double.setParentLocation(0, text);
  const size = new Uint32Array([32]);
  assertEquals(raw.query(handle, new Uint32Array([3, ...Array(7).fill(0)]), size), 122);
  assertEquals(size[0], 12 + 2 * text.length);
  const info = new Uint32Array(Math.ceil(size[0]! / 4));
  info[0] = 3;
  assertEquals(raw.query(handle, info, size), 0);
  assertEquals(new Uint16Array(info.buffer, 12, text.length), units(text));
  raw.close(handle);
});

testWith([doubleNeed], "the double answers a class only with the right and as it was told", () => {
  using raw = new Raw();
  const info = () => new Uint32Array([5, ...Array(7).fill(0)]);
  const size = new Uint32Array([32]);
  const blind = raw.opened({ parameters: null, mask: 0x40000 });
  const seeing = raw.opened();
  assertEquals(raw.query(seeing, info(), size), 0xc03a001b);
  raw.double.setNumber("parentTimestamp", 0xfffffffe);
  assertEquals(raw.query(blind, info(), size), 5);
  const answer = info();
  assertEquals(raw.query(seeing, answer, size), 0);
  assertEquals([...answer.subarray(0, 3)], [5, 0, 0xfffffffe]);
  raw.double.setClassResult(5, 1);
  assertEquals(raw.query(seeing, info(), size), 1);
  assertEquals(raw.query(seeing, new Uint32Array([16, ...Array(7).fill(0)]), size), 87);
  assertEquals(raw.query(seeing, new Uint32Array(8), size), 87);
});
