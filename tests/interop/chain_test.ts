/** Thousands of random operations on chains, each disk beside a byte array that is what it must be. */
import { assertEquals } from "@std/assert";
import { openVirtualDisk, type PortableVirtualDisk } from "@virtdisk/virtdisk";
import { createImage } from "../create_image.ts";
import { Random } from "../fuzz/random.ts";
import { sampledRounds } from "../sampling.ts";
import { assertBytesEqual, pattern, run, TempDir, testWith, tool } from "../support.ts";
import { openImage } from "../images.ts";

const MIB = 2 ** 20;
const MAX_DEPTH = 5;
const OPERATIONS = 60;
const SECTOR = 512;
const MAX_SIZE = 16 * MIB;
const QEMU_FORMAT = { vhd: "vpc", vhdx: "vhdx" } as const;

type Format = keyof typeof QEMU_FORMAT;

/** A chain, and what its leaf must read as. */
class TestedChain {
  readonly #dir: TempDir;
  readonly #format: Format;
  readonly #random: Random;
  #expected: Uint8Array<ArrayBuffer>;
  /** The base first. */
  readonly #paths: string[] = [];
  #disk!: PortableVirtualDisk;
  #made = 0;

  constructor(dir: TempDir, format: Format, seed: number) {
    this.#dir = dir;
    this.#format = format;
    this.#random = new Random(seed);
    const size = format === "vhd" ? 6 * MIB + 512 : 12 * MIB + 4096;
    this.#expected = new Uint8Array(size);
  }

  async run(): Promise<void> {
    const subtype = this.#random.pick(["dynamic", "dynamic", "fixed"] as const);
    const blocks = subtype === "fixed" ? {} : { blockSize: this.#blockSize() };
    const path = this.#newPath();
    const size = this.#expected.length;
    this.#disk = await createImage(path, { size, subtype, ...blocks });
    try {
      for (let i = 0; i < OPERATIONS; i++) {
        await this.#step();
        if (i % 10 === 9) this.#check();
      }
      this.#check();
      await this.#checkFlattened();
    } finally {
      this.#disk.close();
    }
  }

  async #step(): Promise<void> {
    const kind = this.#random.below(100);
    if (kind < 50) return this.#write();
    if (kind < 62) return this.#trim();
    if (kind < 66) return this.#disk.flushSync();
    if (kind < 78) return await this.#createChild();
    if (kind < 88) return await this.#merge();
    if (kind < 93) return await this.#compact();
    if (kind < 97) return await this.#resize();
    this.#disk.close();
    this.#disk = await openImage(this.#paths.at(-1)!);
  }

  #write(): void {
    const { offset, length } = this.#range(this.#random.pick([600, 9000, 300_000, 2 * MIB]));
    const bytes = this.#random.chance(30)
      ? new Uint8Array(length)
      : this.#random.chance(20)
      ? this.#expected.slice(offset, offset + length)
      : pattern(length, this.#random.below(251));
    this.#disk.writeSync(bytes, offset);
    this.#expected.set(bytes, offset);
  }

  #trim(): void {
    const { offset, length } = this.#range(4 * MIB);
    this.#disk.trimSync(offset, length);
    const subtype = this.#disk.getInformation("providerSubtype");
    if (subtype === "fixed" || this.#format === "vhd" && subtype === "differencing") return;
    const { blockSize } = this.#disk.getInformation("size");
    const size = this.#expected.length;
    const end = offset + length === size
      ? size
      : Math.floor((offset + length) / blockSize) * blockSize;
    const start = Math.ceil(offset / blockSize) * blockSize;
    if (start < end) this.#expected.fill(0, start, end);
  }

  async #createChild(): Promise<void> {
    if (this.#paths.length > MAX_DEPTH) return;
    const parent = this.#paths.at(-1)!;
    this.#disk.close();
    this.#disk = await createImage(this.#newPath(), { parent, blockSize: this.#blockSize() });
  }

  async #merge(): Promise<void> {
    const depth = this.#paths.length;
    if (depth === 1) return;
    if (this.#random.chance(50)) {
      const levels = 1 + this.#random.below(depth - 1);
      const { removed, merged } = await this.#disk.merge({ depth: levels, removeChild: true });
      assertEquals([removed, merged.length, this.#disk.closed], [true, levels, true]);
      this.#paths.length -= levels;
      this.#disk = await openImage(this.#paths.at(-1)!);
      return;
    }
    const sourceDepth = 1 + this.#random.below(depth - 1);
    const targetDepth = sourceDepth + 1 + this.#random.below(depth - sourceDepth);
    if (sourceDepth > 1 && this.#random.chance(50)) {
      return await this.#cut(sourceDepth, targetDepth);
    }
    const { path } = await this.#disk.merge({ sourceDepth, targetDepth });
    assertEquals(path, this.#paths.at(-targetDepth));
  }

  /** Files from the middle go; as many as need not be may be open for writing. */
  async #cut(sourceDepth: number, targetDepth: number): Promise<void> {
    this.#disk.close();
    const rwDepth = sourceDepth - 1 + this.#random.below(3);
    const access = ["all"] as const;
    const path = this.#paths.at(-1)!;
    this.#disk = await openVirtualDisk(path, { backend: "portable", access, rwDepth });
    const options = { sourceDepth, targetDepth, removeChild: true };
    const { merged } = await this.#disk.merge(options);
    const gone = this.#paths.splice(-targetDepth + 1, targetDepth - sourceDepth);
    assertEquals(merged, gone.toReversed());
    assertEquals(this.#disk.parents, this.#paths.slice(0, -1).reverse());
    this.#disk.close();
    this.#disk = await openImage(path);
  }

  async #compact(): Promise<void> {
    if (this.#disk.getInformation("providerSubtype") === "fixed") return;
    const path = this.#paths.at(-1)!;
    const options = { noZeroScan: this.#random.chance(20), noBlockMoves: this.#random.chance(20) };
    const foreseen = await this.#disk.compact({ ...options, dryRun: true });
    const { fileSize, previousFileSize, ...counts } = await this.#disk.compact(options);
    const size = Deno.statSync(path).size;
    assertEquals({ ...counts, fileSize, previousFileSize, dryRun: true }, {
      ...foreseen,
      fileSize: size,
    });
  }

  /** What a child of another size than its parent's gains reads as zeros, whatever the parent has there. */
  async #resize(): Promise<void> {
    const isVhd = this.#format === "vhd";
    if (isVhd && this.#paths.length > 1) return;
    const size = this.#expected.length;
    const smaller = isVhd ? 0 : Math.min(size - 4096, 3 * MIB);
    const sectors = Math.floor((MAX_SIZE - size + smaller) / SECTOR);
    const wanted = size - smaller + this.#random.below(sectors + 1) * SECTOR;
    const { virtualSize } = await this.#disk.resize(wanted, { allowUnsafe: true });
    assertEquals(virtualSize, wanted);
    const resized = new Uint8Array(wanted);
    resized.set(this.#expected.subarray(0, wanted));
    this.#expected = resized;
  }

  #check(): void {
    const actual = new Uint8Array(this.#expected.length);
    this.#disk.readSync(actual, 0);
    assertBytesEqual(actual, this.#expected);
  }

  /** Another program reads what the chain makes. */
  async #checkFlattened(): Promise<void> {
    const { path } = await this.#disk.merge({ into: this.#newPath() });
    const raw = this.#dir.file("flat.raw");
    run("qemu-img", "convert", "-f", QEMU_FORMAT[this.#format], "-O", "raw", path, raw);
    assertBytesEqual(Deno.readFileSync(raw), this.#expected, "as QEMU reads it");
    if (this.#format === "vhdx") run("qemu-img", "check", "-f", "vhdx", path);
  }

  #range(longest: number): { offset: number; length: number } {
    const size = this.#expected.length;
    const offset = this.#random.below(size);
    return { offset, length: 1 + this.#random.below(Math.min(longest, size - offset)) };
  }

  #blockSize(): number {
    return this.#format === "vhd"
      ? this.#random.pick([MIB / 2, 2 * MIB])
      : this.#random.pick([MIB, 2 * MIB, 4 * MIB]);
  }

  #newPath(): string {
    const path = this.#dir.file(`${this.#made++}.${this.#format}`);
    this.#paths.push(path);
    return path;
  }
}

for (const format of ["vhd", "vhdx"] as const) {
  testWith(
    [tool("qemu-img")],
    `readSync(): chains of ${format.toUpperCase()} images read as they were written, merged and compacted`,
    async () => {
      for (let seed = 0; seed < sampledRounds(12); seed++) {
        using dir = new TempDir();
        try {
          await new TestedChain(dir, format, seed).run();
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
    },
  );
}
