/** A copy of the tree in which a file is changed and tests run, held to a limit of CPU time and of memory. */
import { join } from "@std/path";
import { ROOT, run, TempDir } from "../../support.ts";

/** What does not belong to what is tested, and is large. */
const LEFT_OUT = [".git", ".cache"];
/** Bytes of memory that a run of tests may take. */
const MOST_MEMORY = 3 * 2 ** 30;
/** Seconds between two looks at the memory. */
const LOOK = 0.5;
/** A run that waits for something takes no CPU time: it may take so many times as long. */
const WALL = 20;

/** How a run of tests ended. */
export interface TestRun {
  readonly end: "passed" | "failed" | "time" | "memory" | "not started";
  /** Seconds of CPU time. */
  readonly seconds: number;
  /** What it printed. */
  readonly output: string;
}

/** What a run is to do. */
export interface Wanted {
  readonly files: readonly string[];
  /** More arguments of `deno test`. */
  readonly options?: readonly string[];
  /** Seconds of CPU time after which it is stopped. */
  readonly limit: number;
}

/** A copy of the project. */
export class Workshop implements Disposable {
  readonly #dir = new TempDir();

  constructor() {
    // Tests start programs as another user, who must get there.
    Deno.chmodSync(this.#dir.path, 0o755);
    for (const { name } of Deno.readDirSync(ROOT)) {
      if (!LEFT_OUT.includes(name)) run("cp", "-R", join(ROOT, name), this.#dir.path);
    }
  }

  /** Where it is. */
  get path(): string {
    return this.#dir.path;
  }

  /** The environment of what runs in it. */
  get env(): Record<string, string> {
    return {
      JSR_URL: `file://${this.path}/tests/offline/`,
      VIRTDISK_STATES: "tests",
      VIRTDISK_REQUIRE: "",
      NO_COLOR: "1",
    };
  }

  /** Does something while a file is another. */
  async withFile<T>(path: string, text: string, work: () => Promise<T>): Promise<T> {
    const place = this.#dir.file(path);
    const kept = Deno.readTextFileSync(place);
    Deno.writeTextFileSync(place, text);
    try {
      return await work();
    } finally {
      Deno.writeTextFileSync(place, kept);
    }
  }

  /** Runs tests up to the first failure. */
  async test({ files, options = [], limit }: Wanted): Promise<TestRun> {
    const deno = [Deno.execPath(), "test", "--allow-all", "--no-check", "--fail-fast", ...options];
    using home = new TempDir();
    Deno.chmodSync(home.path, 0o755);
    const child = new Deno.Command("bash", {
      // The second line of `times` is of the children. The shell is not replaced by the tests, so that it lives to tell.
      args: [
        "-c",
        'ulimit -t "$1"; shift; "$@"; status=$?; times >&2; exit $status',
        "tests",
        String(Math.ceil(limit)),
        ...deno,
        ...files,
      ],
      cwd: this.path,
      env: { ...this.env, TMPDIR: home.path },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let stopped: "time" | "memory" | undefined;
    const start = performance.now();
    const watch = setInterval(() => {
      if (performance.now() - start > WALL * 1000 * limit) stopped = "time";
      else if (memoryBelow(child.pid) > MOST_MEMORY) stopped = "memory";
      if (stopped !== undefined) stopBelow(child.pid);
    }, LOOK * 1000);
    const output = await child.output().finally(() => clearInterval(watch));
    const text = new TextDecoder();
    const [stdout, stderr] = [text.decode(output.stdout), text.decode(output.stderr)];
    return {
      end: stopped ?? endOf(output.code, stdout, stderr),
      seconds: secondsOf(stderr),
      output: stdout + stderr,
    };
  }

  [Symbol.dispose](): void {
    this.#dir[Symbol.dispose]();
  }
}

/** 128 and the number of a signal: the limit of CPU time comes as SIGXCPU, or as SIGKILL where that is not heeded. */
const OUT_OF_TIME = [128 + 24, 128 + 9];

/** How Deno tells of a module that is none, with the line in which that shows. */
const NO_PROGRAM = /^error: SyntaxError: .*\n +\|\n/m;

function endOf(code: number, stdout: string, stderr: string): TestRun["end"] {
  if (OUT_OF_TIME.includes(code)) return "time";
  if (code === 0) return "passed";
  // A change that no program is made of says nothing about tests.
  return NO_PROGRAM.test(stdout + stderr) ? "not started" : "failed";
}

/** Minutes and seconds in the last line of `times`, of the user and of the system. */
function secondsOf(stderr: string): number {
  const line = stderr.trimEnd().split("\n").at(-1) ?? "";
  let seconds = 0;
  for (const [, m, s] of line.matchAll(/(\d+)m([\d.]+)s/g)) seconds += 60 * Number(m) + Number(s);
  return seconds;
}

/** The processes that a process started, and those that these started. */
function below(pid: number): number[] {
  try {
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
    const pids = children === "" ? [] : children.split(" ").map(Number);
    return pids.flatMap((each) => [each, ...below(each)]);
  } catch {
    return []; // It has ended.
  }
}

function memoryBelow(pid: number): number {
  let sum = 0;
  for (const each of below(pid)) {
    try {
      sum += 4096 * Number(Deno.readTextFileSync(`/proc/${each}/statm`).split(" ")[1]);
    } catch {
      // It has ended.
    }
  }
  return sum;
}

function stopBelow(pid: number): void {
  for (const each of below(pid)) {
    try {
      Deno.kill(each, "SIGKILL");
    } catch {
      // It has ended.
    }
  }
}
