/** Sessions of clients of the network block device as a target: their bytes, one after the other. */
import { joined } from "../../../src/bytes/joined.ts";
import { Handshake } from "../../../src/serve/handshake.ts";
import { ServedDisk } from "../../../src/serve/served_disk.ts";
import { Transmission } from "../../../src/serve/transmission.ts";
import { Disconnected, Input, Output } from "../../../src/serve/wire.ts";
import { SparseFile } from "../../crash/sparse_file.ts";
import type { GuardedFile } from "../../fuzz/guarded_file.ts";
import type { Random } from "../../fuzz/random.ts";
import { MemoryDisk } from "../../serve/memory_disk.ts";
import {
  encodeRequest,
  infoRequest,
  metaQuery,
  type RawRequest,
  stringOf,
  u32,
  u64,
} from "../../serve/raw_client.ts";
import type { Target } from "./fuzzer.ts";
import type { Base, Patch } from "./mutants.ts";
import { patch } from "./mutants.ts";

const SIZE = 2 ** 18;
const OPTION_MAGIC = 0x49484156454f5054n;
const [READ, WRITE, DISC, FLUSH, TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
];

const option = (number: number, data: Uint8Array = new Uint8Array()) =>
  joined(u64(OPTION_MAGIC), u32(number), u32(data.length), data);

const CONTEXTS = ["base:allocation", "qemu:allocation-depth", "x-virtdisk:", "base:"];

const OPTIONS: readonly Uint8Array[] = [
  option(8),
  option(3),
  option(6, infoRequest("", [3, 1, 2])),
  option(9, metaQuery("", ["base:"])),
  option(10, metaQuery("", CONTEXTS)),
  option(99, new Uint8Array(20)),
];
const GO = option(7, infoRequest("", [3]));

const REQUESTS: readonly RawRequest[] = [
  { type: READ!, offset: 4096n, length: 65536 },
  { type: READ!, offset: 0n, length: 512, flags: 4 },
  { type: WRITE!, offset: 512n, data: new Uint8Array(512).fill(7), flags: 1 },
  { type: TRIM!, offset: 0n, length: 65536 },
  { type: WRITE_ZEROES!, offset: 65536n, length: 65536, flags: 2 },
  { type: WRITE_ZEROES!, offset: 0n, length: SIZE, flags: 16 },
  { type: BLOCK_STATUS!, offset: 0n, length: SIZE },
  { type: BLOCK_STATUS!, offset: 512n, length: 512, flags: 8 },
  { type: FLUSH! },
  { type: CACHE!, offset: 0n, length: 4096 },
];
const MESSAGES = [...OPTIONS, GO, ...REQUESTS.map(encodeRequest)];

const SESSIONS: Readonly<Record<string, Uint8Array>> = {
  structured: joined(
    u32(3),
    ...OPTIONS,
    GO,
    ...REQUESTS.map(encodeRequest),
    encodeRequest({ type: DISC! }),
  ),
  simple: joined(u32(3), GO, ...REQUESTS.map(encodeRequest), encodeRequest({ type: DISC! })),
  old: joined(u32(0), option(1), ...REQUESTS.slice(0, 4).map(encodeRequest)),
  aborted: joined(u32(1), option(3), option(2)),
};

function sessionBase([name, bytes]: [string, Uint8Array]): Base {
  return {
    name,
    file: SparseFile.of(bytes),
    fields: [[0, bytes.length], [4, Math.min(bytes.length - 4, 64)]],
    isLittleEndian: false,
    words: [u64(OPTION_MAGIC), u32(0x25609513), ...CONTEXTS.map(stringOf)],
    seal: () => {},
    special: otherMessage,
  };
}

/** A whole message in the place of what there is. */
function otherMessage(file: SparseFile, random: Random): Patch[] {
  const message = random.pick(MESSAGES);
  return [patch(random.below(Math.max(1, file.size - message.length)), message)];
}

async function runSession(file: GuardedFile, random: Random): Promise<boolean> {
  const disk = new MemoryDisk(SIZE, { readOnly: random.chance(20) });
  const served = new ServedDisk("disk", disk, false);
  const connection = new Client(file.bytes(), random);
  const [input, output] = [new Input(connection), new Output(connection, { bytes: 0 })];
  const failures: unknown[] = [];
  let isServed = false;
  try {
    const disks = new Map([["", served], ["disk", served]]);
    const session = await new Handshake(input, output, disks).run();
    if (session !== undefined) {
      isServed = true;
      const hooks = { isEnding: () => false, onFailure: (error: unknown) => failures.push(error) };
      await new Transmission(input, output, session, hooks).run();
    }
  } catch (error) {
    if (!(error instanceof Disconnected)) throw error;
  } finally {
    await output.drain();
  }
  // The disk never fails: whatever it is asked for must have been allowed.
  if (failures.length > 0) throw failures[0];
  return isServed;
}

/** Bytes that come in pieces of any length, and somebody who reads whatever is sent. */
class Client {
  readonly #bytes: Uint8Array;
  readonly #random: Random;
  #at = 0;

  constructor(bytes: Uint8Array, random: Random) {
    this.#bytes = bytes;
    this.#random = random;
  }

  read(target: Uint8Array): Promise<number | null> {
    const left = this.#bytes.length - this.#at;
    if (left === 0) return Promise.resolve(null);
    const length = Math.min(left, target.length, this.#random.pick([1, 28, 400, 65536]));
    target.set(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return Promise.resolve(length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return Promise.resolve(bytes.length);
  }
}

export const SESSION_TARGET: Target = {
  name: "NBD sessions",
  bases: () => Object.entries(SESSIONS).map(sessionBase),
  run: runSession,
};
