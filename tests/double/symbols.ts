/**
 * The functions by which a test tells the double what to answer, and asks what came.
 */

/** What `Deno.dlopen` takes. */
export const SYMBOLS = {
  DoubleReset: { parameters: [], result: "void" },
  DoubleLiveHandles: { parameters: [], result: "u32" },
  DoubleLiveEvents: { parameters: [], result: "u32", optional: true },
  DoubleLiveBlocks: { parameters: [], result: "u32", optional: true },
  DoubleDoubleCloses: { parameters: [], result: "u32", optional: true },
  DoubleNextResult: { parameters: ["buffer", "u32", "u32"], result: "u32" },
  DoubleLastCall: { parameters: ["buffer", "buffer", "u32"], result: "u32" },
  DoubleHoldCalls: { parameters: ["buffer"], result: "u32" },
  DoubleHeldCalls: { parameters: [], result: "u32" },
  DoubleSpoiltCalls: { parameters: [], result: "u32" },
  DoubleCalls: { parameters: ["buffer"], result: "u32" },
  DoubleDemandMore: { parameters: ["u32"], result: "void" },
  DoubleSetClassResult: { parameters: ["u32", "u32"], result: "void" },
  DoubleSetSize: { parameters: ["u64", "u64", "u32", "u32"], result: "void" },
  DoubleSetGuid: { parameters: ["u32", "buffer"], result: "u32" },
  DoubleSetNumber: { parameters: ["u32", "u64"], result: "u32" },
  DoubleSetStorageType: { parameters: ["u32", "buffer"], result: "u32" },
  DoubleSetPhysicalDisk: { parameters: ["u32", "u32", "i32"], result: "void" },
  DoubleSetParentLocation: { parameters: ["i32", "buffer", "u32"], result: "u32" },
  DoubleAddParent: { parameters: ["buffer", "buffer"], result: "u32" },
  DoubleSetChangeTracking: { parameters: ["i32", "i32", "buffer", "u32"], result: "u32" },
  DoubleBackWithFile: { parameters: ["buffer"], result: "void" },
  DoubleSetDiskNumber: { parameters: ["u32"], result: "void" },
  DoubleNextDevicePath: { parameters: ["buffer"], result: "u32" },
  DoubleAttachments: { parameters: [], result: "u32" },
  DoubleAddDependency: {
    parameters: ["u32", "u32", "u32", "buffer", "u32", "buffer"],
    result: "u32",
  },
  DoubleNextTransfer: { parameters: ["u32", "u32", "u32"], result: "void", optional: true },
  DoubleNextFileResult: { parameters: ["u32", "u32"], result: "void", optional: true },
  DoubleDependenciesWithMoreData: { parameters: [], result: "void" },
  DoubleDemandMoreDependencies: { parameters: ["u32"], result: "void" },
  DoubleSetTooSmallCode: { parameters: ["u32"], result: "void" },
  DoubleTellOperation: { parameters: ["buffer", "u32", "u32", "u32"], result: "u32" },
  DoubleTellProgress: { parameters: ["buffer", "buffer", "u32"], result: "u32" },
  DoubleSoilLog: { parameters: ["buffer"], result: "void" },
  DoubleTellEnd: { parameters: ["u32"], result: "void" },
  DoubleEndOperations: { parameters: [], result: "void" },
  DoublePendingOperations: { parameters: [], result: "u32" },
  DoubleOperations: { parameters: ["buffer", "u32"], result: "u32" },
  // Of functions that the double of Windows 8 lacks.
  DoubleAddChange: { parameters: ["u64", "u64"], result: "u32", optional: true },
  DoubleLimitChanges: { parameters: ["u32"], result: "void", optional: true },
  DoubleAnswerScsi: {
    parameters: ["u32", "buffer", "u32", "buffer", "u32"],
    result: "u32",
    optional: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

/** The double's test functions, callable. */
export type DoubleSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Times without end. */
export const FOREVER = 0xffffffff;

/** What a Double function answers where it was told something that it cannot take. */
export function accepted(result: number): void {
  if (result === 0) throw new TypeError("The double was told something that it cannot take");
}

/** Text as the C string of a name or a GUID. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Unit by unit: text that goes to the double need not be well-formed. Strings have no NUL added. */
export function unitsOf(text: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
}

/** What a function that gives a record gives; `undefined` where it has none. */
export function readRecord(
  give: (text: Uint8Array<ArrayBuffer> | null, size: number) => number,
): unknown {
  let size = give(null, 0);
  while (size > 0) {
    const bytes = new Uint8Array(size + 1);
    size = give(bytes, bytes.length);
    if (size < bytes.length) return JSON.parse(new TextDecoder().decode(bytes.subarray(0, size)));
  }
  return undefined;
}
