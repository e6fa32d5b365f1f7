/** The process that has loaded the tests, from outside: it is stopped if a mutant makes it go on without an end. */
import { join } from "@std/path";
import { TempDir } from "../../support.ts";
import type { Workshop } from "./workshop.ts";
import { type Answer, type Job, MARK, type Order } from "./messages.ts";

/** Bytes of memory that it may take. */
const MOST_MEMORY = 2.5 * 2 ** 30;
/** Seconds between two looks at it. */
const LOOK = 0.5;
/** Clock ticks of CPU time in a second, on every Linux. */
const TICKS = 100;
/** A test that waits for something takes no CPU time: it may take so many times as long, */
const WALL = 20;
/** and if it takes none at all, so many seconds, for what it has started. */
const IDLE = 30;

/** Why there are no more answers. */
export type Stop = "time" | "memory" | "ended";

/** A process with tests. Those that it has to begin with are those that it is asked for by number. */
export class TesterProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #home: TempDir;
  readonly #orders: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncGenerator<Answer, undefined>;
  readonly #watch: ReturnType<typeof setInterval>;
  /** When what is waited for has taken too long: seconds of CPU time, and of the clock. */
  #limit = { cpu: Infinity, wall: Infinity };
  /** When it was last seen at work, and how much CPU time it had taken. */
  #atWork = { cpu: 0, wall: 0 };
  #stopped: Stop | undefined;

  private constructor(workshop: Workshop, job: Job) {
    this.#home = new TempDir();
    Deno.chmodSync(this.#home.path, 0o755);
    const file = this.#home.file("job.json");
    Deno.writeTextFileSync(file, JSON.stringify(job));
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", "--no-check", "tests/proof/mutation/tester.ts", file],
      cwd: workshop.path,
      env: { ...workshop.env, TMPDIR: this.#home.path },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#orders = this.#child.stdin.getWriter();
    this.#answers = answersOf(this.#child.stdout);
    this.#watch = setInterval(() => this.#look(), LOOK * 1000);
  }

  /** Loads program and tests. */
  static async start(
    workshop: Workshop,
    job: Job,
  ): Promise<{ process: TesterProcess; loaded: Answer & { kind: "loaded" } } | Stop> {
    const process = new TesterProcess(workshop, job);
    process.allow(LOADING);
    const loaded = await process.answer();
    if (typeof loaded !== "string" && loaded.kind === "loaded") return { process, loaded };
    await process[Symbol.asyncDispose]();
    return typeof loaded === "string" ? loaded : "ended";
  }

  /** Says what to do next. */
  async order(order: Order): Promise<void> {
    await this.#orders.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`))
      // The answer tells of it.
      .catch(() => {});
  }

  /** From now on it may take so many seconds of CPU time. */
  allow(seconds: number): void {
    const now = { cpu: cpuSeconds(this.#child.pid), wall: performance.now() / 1000 };
    this.#limit = { cpu: now.cpu + seconds, wall: now.wall + WALL * seconds };
    this.#atWork = now;
  }

  /** What it says next, or why it says nothing. */
  async answer(): Promise<Answer | Stop> {
    const { value, done } = await this.#answers.next();
    return done ? this.#stopped ?? "ended" : value;
  }

  #look(): void {
    const { pid } = this.#child;
    const [cpu, wall] = [cpuSeconds(pid), performance.now() / 1000];
    // Timers alone take a little.
    if (cpu > this.#atWork.cpu + 0.05) this.#atWork = { cpu, wall };
    const isIdle = wall > this.#atWork.wall + IDLE;
    if (memory(pid) > MOST_MEMORY) this.#stop("memory");
    else if (cpu > this.#limit.cpu || wall > this.#limit.wall || isIdle) this.#stop("time");
  }

  #stop(why: Stop): void {
    this.#stopped ??= why;
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watch);
    this.#stop("ended");
    await this.#orders.abort().catch(() => {});
    await this.#answers.return(undefined);
    await this.#child.status;
    this.#home[Symbol.dispose]();
  }
}

/** Seconds of CPU time for loading. */
const LOADING = 60;

async function* answersOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Answer, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of stream) {
    rest += decoder.decode(piece, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const at = line.lastIndexOf(MARK);
      if (at >= 0) yield JSON.parse(line.slice(at + MARK.length));
    }
  }
}

/** Of the process alone: what it starts is bounded by the clock. */
function cpuSeconds(pid: number): number {
  const fields = procFile(pid, "stat").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
}

function memory(pid: number): number {
  return 4096 * Number(procFile(pid, "statm").split(" ")[1] ?? 0);
}

function procFile(pid: number, name: string): string {
  try {
    return Deno.readTextFileSync(join("/proc", String(pid), name));
  } catch {
    return ""; // It has ended.
  }
}
