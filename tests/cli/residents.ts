/**
 * The command line in processes that stay: what tests run in one folder with the same permissions is run by one
 * process, for to start Deno takes ten times as long as most commands. The folder of a test is that of the next one
 * for the same reason (`keepFolder()`). `tests/run.ts` has the processes, for a sample alone:
 * with all states each command is a process of its own.
 *
 * A command that reads standard input is always a process of its own.
 */
import { toFileUrl } from "@std/path";
import { joined } from "../../src/bytes/joined.ts";
import { areBundled } from "../bundles.ts";
import { denoCommand } from "../deno_command.ts";
import { IS_FULL } from "../sampling.ts";
import { exists, keepFolder } from "../support.ts";
import type { Outcome } from "./run_cli.ts";

/** The socket at which they are asked, in the environment. */
const SOCKET = "VIRTDISK_RESIDENTS";
/** Which read standard input, or go on until they are interrupted; others read it for `-` in place of a file. */
const OWN_COMMANDS = new Set(["serve", "write"]);

/** Each has tens of megabytes of memory. */
const MOST = 12;

/** What is to be run. */
interface Request {
  readonly folder: string;
  /** Of `deno run`. */
  readonly flags: readonly string[];
  readonly args: readonly string[];
}

/** What comes before the bytes of both streams. */
interface Answer {
  readonly code: number;
  readonly outLength: number;
}

/** Runs a command where processes stay; gives `undefined` if it needs one of its own. */
export async function runResident(request: Request): Promise<Outcome | undefined> {
  const path = Deno.env.get(SOCKET) ?? "";
  const [name = "", ...rest] = request.args;
  if (IS_FULL || !areBundled() || path === "") return undefined;
  const isHelp = rest.length === 1 && rest[0] === "--help";
  // As the last of all it is standard output.
  const readsInput = rest.slice(0, -1).includes("-") ||
    name === "metadata" && rest.some((arg) => arg.startsWith("--set"));
  if (!isHelp && (OWN_COMMANDS.has(name) || readsInput)) return undefined;
  keepFolder(request.folder);
  using connection = await Deno.connect({ transport: "unix", path });
  await writeAll(connection, encode(request));
  const bytes = await readToEnd(connection);
  const end = bytes.indexOf(NEWLINE);
  const { code, outLength }: Answer = JSON.parse(decode(bytes.subarray(0, end)));
  const out = bytes.slice(end + 1, end + 1 + outLength);
  return { code, out: decode(out), err: decode(bytes.subarray(end + 1 + outLength)), bytes: out };
}

/** Starts the processes, and ends them. */
export class Residents implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #module: string;
  readonly #most: number;
  readonly #all = new Set<Resident>();
  readonly #serving: Promise<void>;

  /**
   * @param folder Where the socket is, and the module that they run.
   * @param commandLine The path of a module with the function `main` of the command line.
   * @param most So many stay at most, unless more are busy.
   */
  constructor(folder: string, commandLine: string, most = MOST) {
    this.#most = most;
    this.#module = `${folder}/resident.ts`;
    Deno.writeTextFileSync(this.#module, residentModule(toFileUrl(commandLine).href));
    this.#listener = Deno.listen({ transport: "unix", path: `${folder}/residents` });
    this.#serving = this.#serve();
  }

  /** What the tests of the run have in their environment. */
  get env(): Record<string, string> {
    return { [SOCKET]: this.#listener.addr.path };
  }

  /** How many there are. */
  get count(): number {
    return this.#all.size;
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#answer(connection).catch((error) => console.error(error));
    }
  }

  async #answer(connection: Deno.UnixConn): Promise<void> {
    using _ = connection;
    const request: Request = JSON.parse(decode(await readLine(connection)));
    // Whoever takes a folder away needs no process there any more.
    await Promise.all(
      [...this.#all].filter(({ folder }) => !exists(folder)).map((each) => this.#end(each)),
    );
    let resident = [...this.#all].find((each) => each.isFreeFor(request));
    if (resident === undefined) {
      await this.#makeRoom();
      resident = new Resident(this.#module, request);
    }
    // The last one is the one that was used last.
    this.#all.delete(resident);
    this.#all.add(resident);
    const { code, out, err } = await resident.run(request.args);
    if (resident.hasEnded) await this.#end(resident);
    const answer: Answer = { code, outLength: out.length };
    for (const bytes of [encode(answer), out, err]) await writeAll(connection, bytes);
  }

  /** Ends those that nobody has used for longest. */
  async #makeRoom(): Promise<void> {
    const idle = [...this.#all].filter(({ isBusy }) => !isBusy);
    const tooMany = Math.max(0, this.#all.size + 1 - this.#most);
    await Promise.all(idle.slice(0, tooMany).map((each) => this.#end(each)));
  }

  async #end(resident: Resident): Promise<void> {
    if (this.#all.delete(resident)) await resident.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
    await Promise.all([...this.#all].map((each) => this.#end(each)));
  }
}

/** One process. */
class Resident {
  readonly folder: string;
  readonly #key: string;
  readonly #mark = crypto.randomUUID();
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #out: Marked;
  readonly #err: Marked;
  #isBusy = false;
  #hasEnded = false;

  constructor(module: string, { folder, flags }: Request) {
    this.folder = folder;
    this.#key = keyOf({ folder, flags });
    this.#child = denoCommand({
      args: ["run", "--no-prompt", ...flags, module, this.#mark],
      cwd: folder,
      env: { NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#out = new Marked(this.#child.stdout, this.#mark);
    this.#err = new Marked(this.#child.stderr, this.#mark);
  }

  /** Whether it runs nothing, and would run this. Whoever runs two commands at once wants two processes. */
  isFreeFor(request: Request): boolean {
    return !this.#isBusy && this.#key === keyOf(request);
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Whether it has run its last command, which then did not come back. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async run(args: readonly string[]) {
    this.#isBusy = true;
    await this.#input.write(encode(args)).catch(() => {});
    const [out, err] = await Promise.all([this.#out.next(), this.#err.next()]);
    this.#hasEnded = out.code === undefined;
    const code = out.code ?? (await this.#child.status).code;
    this.#isBusy = false;
    return { code, out: out.bytes, err: err.bytes };
  }

  async end(): Promise<void> {
    if (!this.#hasEnded) this.#child.kill("SIGKILL");
    await this.#input.abort().catch(() => {});
    await Promise.all([this.#child.status, this.#out.close(), this.#err.close()]);
  }
}

function keyOf({ folder, flags }: Omit<Request, "args">): string {
  return JSON.stringify([folder, flags]);
}

/** A stream in which a mark and the exit status end what each command prints. */
class Marked {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #mark: string;

  constructor(stream: ReadableStream<Uint8Array>, mark: string) {
    this.#reader = stream.getReader();
    this.#mark = mark;
  }

  async close(): Promise<void> {
    await this.#reader.cancel();
  }

  /** What the next command prints, and its status; none if the process ends instead. */
  async next(): Promise<{ bytes: Uint8Array; code?: number }> {
    const pieces: Uint8Array[] = [];
    let last = new Uint8Array();
    while (true) {
      const { value, done } = await this.#reader.read();
      if (done) return { bytes: joined(...pieces) };
      pieces.push(value);
      // The mark may come in pieces. Nothing follows it until the next command is there.
      last = joined(last, value.subarray(-MARK_LENGTH)).slice(-MARK_LENGTH);
      if (last.at(-1) !== NEWLINE) continue;
      const text = decode(last.subarray(last.lastIndexOf(MARK_START) + 1));
      const [mark, code] = text.split(" ");
      if (mark !== this.#mark) continue;
      const all = joined(...pieces);
      return { bytes: all.subarray(0, all.length - text.length - 1), code: Number(code) };
    }
  }
}

const NEWLINE = 10;
const MARK_START = 0;
/** At most: an identifier, a status and what stands around them. */
const MARK_LENGTH = 48;

/** Literal imports need no permission. What a command is told to read of standard input is locked by then. */
function residentModule(commandLine: string): string {
  return `import { main } from ${JSON.stringify(commandLine)};

const [mark] = Deno.args;
const encoder = new TextEncoder();
let text = "";
for await (const piece of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  text += piece;
  if (!text.endsWith("\\n")) continue;
  const args = JSON.parse(text);
  text = "";
  const end = encoder.encode("\\0" + mark + " " + await main(args) + "\\n");
  Deno.stdout.writeSync(end);
  Deno.stderr.writeSync(end);
}
`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const decode = (bytes: Uint8Array) => decoder.decode(bytes);
/** A line of JSON. */
const encode = (value: unknown) => encoder.encode(`${JSON.stringify(value)}\n`);

async function writeAll(connection: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

async function readLine(connection: Deno.UnixConn): Promise<Uint8Array> {
  return await readUntil(connection, (piece) => piece.at(-1) === NEWLINE);
}

async function readToEnd(connection: Deno.UnixConn): Promise<Uint8Array<ArrayBuffer>> {
  return await readUntil(connection, () => false);
}

async function readUntil(
  connection: Deno.UnixConn,
  isLast: (piece: Uint8Array) => boolean,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  while (pieces.length === 0 || !isLast(pieces.at(-1)!)) {
    const piece = new Uint8Array(2 ** 16);
    const count = await connection.read(piece);
    if (count === null) break;
    pieces.push(piece.subarray(0, count));
  }
  return joined(...pieces);
}
