/**
 * The native backend against plain `Deno.dlopen` calls and against koffi under Node, all of which open
 * and close the same double of VirtDisk.dll. What the double itself takes is in every time.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { encodeUtf16 } from "../../src/bytes/utf16.ts";
import { VIRTDISK_FUNCTIONS } from "../../src/native/ffi/virtdisk.ts";
import { KERNEL32_FUNCTIONS } from "../../src/native/ffi/kernel32.ts";
import { loadLibraries } from "../../src/native/ffi/library.ts";
import { openNative } from "../../src/native/native_disk.ts";
import { openRequest } from "../../src/disk/open_request.ts";
import { buildDouble, Double, type DoubleLibraries, doubleNeed } from "../double/double.ts";
import { Koffi } from "./koffi.ts";
import { compare, type Contender, milliseconds } from "./measure.ts";

/** In a round. */
const OPENS = 2000;
const ROUNDS = 40;
const PATH = "C:\\images\\disk.vhdx";

const PLAIN = "Deno.dlopen, buffers made once";
const OURS = "virtdisk: open, close";
const KOFFI_OBJECTS = "koffi in Node, objects at every call";

/** Measures opening and closing; needs the double. */
export function benchNative(): void {
  const missing = doubleNeed();
  if (missing !== undefined) return console.log(`\nNative backend: not measured, ${missing}`);
  const libraries = buildDouble();
  using double = new Double(libraries);
  using plain = new PlainCalls(libraries);
  const loaded = loadLibraries(libraries);
  const openWithBinding = () => openNative(openRequest(PATH, { type: "vhdx" }), loaded).close();
  const koffi = Koffi.install(libraries, PATH);
  assertSameCalls(double, plain, openWithBinding, koffi);
  const contenders: Contender[] = [
    { name: PLAIN, run: () => timeOpens(() => plain.open()) },
    { name: OURS, run: () => timeOpens(openWithBinding) },
  ];
  if (koffi instanceof Koffi) {
    contenders.push(
      { name: "koffi in Node, buffers made once", run: () => koffi.time("prepared", OPENS) },
      { name: KOFFI_OBJECTS, run: () => koffi.time("packed", OPENS) },
    );
  }
  compare({
    title: "OpenVirtualDisk and CloseHandle of a double in C",
    operations: OPENS,
    operation: "open",
    contenders,
    absent: koffi instanceof Koffi ? [] : [`koffi: ${koffi}`],
    rounds: ROUNDS,
    showsLeast: true,
    goals: [{ of: OURS, to: PLAIN, atMost: 3 }, { of: KOFFI_OBJECTS, to: OURS, atLeast: 1 }],
  });
  assertEquals([double.liveHandles, double.doubleCloses], [0, 0]);
}

function timeOpens(open: () => void): number {
  return milliseconds(() => {
    for (let i = 0; i < OPENS; i++) open();
  });
}

/** Before anything is timed: the double gets the same arguments from all. */
function assertSameCalls(
  double: Double,
  plain: PlainCalls,
  openWithBinding: () => void,
  koffi: Koffi | string,
): void {
  plain.open();
  // How many calls there were before is not an argument.
  const { calls: _, order: _order, ...expected } = double.lastOpen;
  openWithBinding();
  const { calls: __, order: __order, ...ofBinding } = double.lastOpen;
  assertEquals(ofBinding, expected);
  if (!(koffi instanceof Koffi)) return;
  for (const way of ["prepared", "packed"] as const) {
    const { calls: _, order: __, ...ofKoffi } = JSON.parse(koffi.record(way));
    assertEquals(ofKoffi, expected);
  }
}

/** What is left when everything is known beforehand: the two calls. */
class PlainCalls implements Disposable {
  readonly #virtdisk;
  readonly #kernel32;
  readonly #storageType = new Uint8Array(20);
  readonly #path = encodeUtf16(`${PATH}\0`);
  readonly #parameters = new Uint8Array(44);
  readonly #handle = new BigUint64Array(1);
  readonly #handleBytes = new Uint8Array(this.#handle.buffer);

  constructor({ virtdisk, kernel32 }: DoubleLibraries) {
    const { OpenVirtualDisk } = VIRTDISK_FUNCTIONS;
    const { CloseHandle } = KERNEL32_FUNCTIONS;
    this.#virtdisk = Deno.dlopen(virtdisk, { OpenVirtualDisk });
    this.#kernel32 = Deno.dlopen(kernel32, { CloseHandle });
    // VIRTUAL_STORAGE_TYPE: VHDX, of Microsoft.
    this.#storageType.set([3, 0, 0, 0, 0xec, 0x4a, 0x98, 0xec, 0xf9, 0xa0, 0xe9, 0x47]);
    this.#storageType.set([0x90, 0x1f, 0x71, 0x41, 0x5a, 0x66, 0x34, 0x5b], 12);
    // OPEN_VIRTUAL_DISK_PARAMETERS: Version 2, ReadOnly.
    this.#parameters[0] = 2;
    this.#parameters[8] = 1;
  }

  open(): void {
    const code = this.#virtdisk.symbols.OpenVirtualDisk(
      this.#storageType,
      this.#path,
      0,
      0,
      this.#parameters,
      this.#handleBytes,
    );
    if (code !== 0) throw new Error(`OpenVirtualDisk gave ${code}`);
    if (this.#kernel32.symbols.CloseHandle(this.#handle[0]!) === 0) {
      throw new Error("CloseHandle failed");
    }
  }

  [Symbol.dispose](): void {
    this.#virtdisk.close();
    this.#kernel32.close();
  }
}
