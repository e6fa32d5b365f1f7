/**
 * A process that has loaded the program with switches, and all tests, and runs these with one mutant after the other.
 * It reads what to do from its input, a line of JSON each, and says what came of it in lines that begin with {@linkcode MARK}.
 */
import { cpuUsage } from "node:process";
import { toFileUrl } from "@std/path";
import type { Answer, Job, Order } from "./messages.ts";
import { MARK } from "./messages.ts";

/** The module of the switches. */
interface Switch {
  start(mutant: number, limit: number): void;
  takeNotes(count?: number): Uint8Array;
  stepsDone(): number;
  isEndless(): boolean;
}

interface Registered {
  readonly file: string;
  readonly name: string;
  readonly fn: (t: Deno.TestContext) => void | Promise<void>;
}

const tests: Registered[] = [];
let switches: Switch;
let file = "";
/** What nobody waited for and failed meanwhile. */
let stray: unknown;

/** As Deno's own, but it only keeps what is to be run. */
function register(...args: unknown[]): void {
  const parts = args.map((arg) => typeof arg === "string" ? { name: arg } : arg);
  const options = parts.map((part) => typeof part === "function" ? { fn: part } : part) as {
    name?: string;
    fn?: Registered["fn"];
    ignore?: boolean;
  }[];
  const { name, fn, ignore } = Object.assign({}, ...options) as (typeof options)[number];
  if (ignore !== true) tests.push({ file, name: name ?? fn!.name, fn: fn! });
}

/** The context of a test whose steps are run where they are. */
function context(name: string): Deno.TestContext {
  const step = async (...args: unknown[]): Promise<boolean> => {
    const options = args.map((arg) =>
      typeof arg === "string" ? { name: arg } : typeof arg === "function" ? { fn: arg } : arg
    );
    const { name, fn, ignore } = Object.assign({}, ...options as object[]);
    if (ignore !== true) await fn(context(name));
    return true;
  };
  return { name, origin: "", step } as unknown as Deno.TestContext;
}

async function runTest({ name, fn }: Registered): Promise<unknown> {
  stray = undefined;
  try {
    await fn(context(name));
    // What was not waited for has its turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
  } catch (error) {
    return error ?? "failed";
  }
  return stray;
}

/** How many files are open. */
function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** As `--sanitize-resources` does: a test that leaves files open fails. What is opened once and for all is not that. */
async function runClean(test: Registered, mutant: number, limit: number): Promise<unknown> {
  const grows = async (mutant: number) => {
    switches.start(mutant, limit);
    const before = openFiles();
    const error = await runTest(test);
    return { error, isMore: openFiles() > before };
  };
  // Who waits for the next order holds a file for it: from now on.
  await new Promise((resolve) => setTimeout(resolve, 0));
  for (const each of [mutant, mutant, 0, mutant]) {
    const { error, isMore } = await grows(each);
    if (each === 0) {
      if (isMore) return undefined;
    } else if (error !== undefined || !isMore) return error;
  }
  return "leaves files open";
}

const encoder = new TextEncoder();

function say(answer: Answer): void {
  const bytes = encoder.encode(`${MARK}${JSON.stringify(answer)}\n`);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

function seconds(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1e6;
}

const idsOf = (notes: Uint8Array) => [...notes].flatMap((note, id) => note === 0 ? [] : [id]);

async function load(job: Job): Promise<void> {
  const begin = seconds();
  switches.start(job.mutant, Infinity);
  const notes = switches.takeNotes(job.count);
  const failures: string[] = [];
  for (const path of job.modules) await import(toFileUrl(path).href);
  const before = Deno.test;
  Object.defineProperty(Deno, "test", { value: Object.assign(register, before), writable: true });
  for (const path of job.tests) {
    file = path;
    try {
      await import(toFileUrl(path).href);
    } catch (error) {
      failures.push(`${path}: ${error}`);
    }
  }
  const ids = idsOf(notes);
  switches.takeNotes();
  const named = tests.map(({ file, name }) => ({ file, name }));
  say({ kind: "loaded", tests: named, ids, failures, seconds: seconds() - begin });
}

/** Runs tests once, without any mutant. */
async function look(job: Job, which: readonly number[]): Promise<void> {
  for (const index of which) {
    say({ kind: "begins", test: index });
    const notes = switches.takeNotes(job.count);
    const begin = seconds();
    switches.start(0, Infinity);
    const error = await runTest(tests[index]!);
    const steps = switches.stepsDone();
    switches.takeNotes();
    const text = error === undefined ? undefined : String(error);
    const ids = idsOf(notes);
    say({ kind: "looked", test: index, seconds: seconds() - begin, steps, ids, error: text });
  }
  say({ kind: "done" });
}

/** Runs tests with a mutant until one fails. */
async function attempt(order: Order, isStatic: boolean): Promise<void> {
  for (const { test, limit } of order.tests!) {
    say({ kind: "begins", test });
    const error = await runClean(tests[test]!, order.mutant!, limit);
    if (error === undefined) continue;
    const isEndless = switches.isEndless();
    // What one mutant leaves behind must not be what another one fails of.
    let isSound = true;
    if (!isStatic) {
      switches.start(0, Infinity);
      isSound = await runTest(tests[test]!) === undefined;
    }
    const text = String(error).slice(0, 500);
    return say({ kind: "failed", test, error: text, isEndless, isSound });
  }
  switches.start(0, Infinity);
  say({ kind: "done" });
}

if (import.meta.main) {
  const job = JSON.parse(Deno.readTextFileSync(Deno.args[0]!)) as Job;
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    stray = event.reason ?? "rejected";
  });
  addEventListener("error", (event) => {
    event.preventDefault();
    stray = event.error ?? "failed";
  });
  for (const name of ["log", "info", "warn", "error", "debug"] as const) console[name] = () => {};
  switches = await import(toFileUrl(job.switch).href) as Switch;
  await load(job);
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const piece of lines) {
    rest += piece;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const order = JSON.parse(rest.slice(0, end)) as Order;
      rest = rest.slice(end + 1);
      if (order.look !== undefined) await look(job, order.look);
      else await attempt(order, job.mutant !== 0);
    }
  }
  Deno.exit(0);
}
