/** Images in memory with one planted fault each, and what a check must tell of it. */
import { assertEquals } from "@std/assert";
import type { WritableSource } from "../../../src/portable/file/byte_source.ts";
import { checkFile } from "../../../src/portable/operations/check.ts";
import type { CheckOptions, CheckReport } from "../../../src/portable/image/findings.ts";
import type { ImageFormat } from "../../../src/portable/formats.ts";
import { MemorySource } from "../file/memory_source.ts";

/** A file in memory that can be written. */
export class MemoryFile extends MemorySource implements WritableSource {
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    super(new Uint8Array(0));
    this.#bytes = bytes.slice();
  }

  override get size(): number {
    return this.#bytes.length;
  }

  /** What the file holds. */
  get contents(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  override readAt(buffer: Uint8Array, offset: number): number {
    const piece = this.#bytes.subarray(offset, offset + buffer.length);
    buffer.set(piece);
    this.bytesRead += piece.length;
    return piece.length;
  }

  writeAt(bytes: Uint8Array, offset: number): void {
    if (offset + bytes.length > this.size) this.truncate(offset + bytes.length);
    this.#bytes.set(bytes, offset);
  }

  truncate(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.#bytes.subarray(0, size));
    this.#bytes = bytes;
  }

  flush(): void {}
}

/** Checks bytes as an image, without its parents. */
export function checkBytes(
  bytes: Uint8Array<ArrayBuffer> | MemoryFile,
  format: ImageFormat,
  options: CheckOptions = {},
): Promise<CheckReport> {
  const file = bytes instanceof MemoryFile ? bytes : new MemoryFile(bytes);
  return checkFile(file, format, options, () => {});
}

/** A fault, and where the check must see it. */
export interface PlantedFault {
  readonly name: string;
  readonly structure: string;
  readonly offset: number;
  /** Default: error. */
  readonly severity?: "warning" | "info";
  /** Default: not looked at. */
  readonly symbol?: string | undefined;
  /** Default: false. */
  readonly repairable?: true;
  /** Whether something is promised beyond the end of the file, which is told first. Default: false. */
  readonly isCutOff?: true;
}

/** The check finds the fault, with its place, and nothing else. */
export async function assertFound(
  fault: PlantedFault,
  bytes: Uint8Array<ArrayBuffer>,
  format: ImageFormat,
): Promise<void> {
  const report = await checkBytes(bytes, format);
  const { severity = "error", repairable = false } = fault;
  const findings = fault.isCutOff ? report.findings.slice(1) : report.findings;
  if (fault.isCutOff) assertEquals(report.findings[0]?.structure, "end of file");
  assertEquals(
    findings.map((each) => [each.severity, each.structure, each.offset, each.repairable]),
    [[severity, fault.structure, fault.offset, repairable]],
    `${fault.name}: ${JSON.stringify(report.findings)}`,
  );
  const [finding] = findings;
  if (fault.symbol !== undefined) assertEquals(finding?.symbol, fault.symbol);
  assertEquals(report.sound, severity === "info");
  assertEquals(JSON.parse(JSON.stringify(finding)), finding);
}
