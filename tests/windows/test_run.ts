/**
 * One run of `deno test` by a Windows build of Deno, watched from outside: it has a time limit, and
 * counts as passed only with a zero exit status and the test runner's own closing line, for a Windows
 * program that crashes may leave a zero behind.
 */

/** A Windows build of Deno: on Windows this one, elsewhere one under Wine. */
export interface WindowsDeno {
  /** The command to which Deno's arguments are added. */
  command(args: readonly string[], env: Record<string, string>): Deno.Command;
  /** Ends every process that a run has left behind. */
  stop(): void;
}

/** What to run. */
export interface TestRun {
  /** What the run shows, for the report. */
  readonly name: string;
  /** Files and folders, relative to the root. */
  readonly paths: readonly string[];
  /** Set for this run. */
  readonly env?: Record<string, string>;
  /** Arguments of `deno test`, besides the usual ones. */
  readonly args?: readonly string[];
  /** The tests that may be ignored where everything is required, by name and reason; default: none. */
  readonly mayIgnore?: RegExp;
  /** The run of which this is a piece: all that one piece has may be for another system, not all of them. */
  readonly pieceOf?: string;
}

/** What came of it. */
export interface TestOutcome {
  readonly passed: number;
  readonly failed: number;
  /** The names of the tests that were ignored, each with its reason. */
  readonly ignored: readonly string[];
  /** Why the run as a whole does not count; `undefined` where it does. */
  readonly failure?: string;
}

/** A run that hangs ends; one beside other tests on two cores may take its time. */
const SECONDS = 1200;
const CLOSING_LINE = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/m;
const IGNORED_LINE = /^(.*\[ignored: .*) \.\.\. ignored/gm;

/** Runs the tests, showing the output as it comes. */
export async function runTests(deno: WindowsDeno, run: TestRun): Promise<TestOutcome> {
  const args = ["test", "--no-prompt", "--allow-all", "--no-check"];
  args.push("--sanitize-ops", "--sanitize-resources", ...run.args ?? [], ...run.paths);
  const child = deno.command(args, run.env ?? {}).spawn();
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill();
    deno.stop();
  }, SECONDS * 1000);
  const [output, status] = await Promise.all([show(child.stdout), child.status]);
  clearTimeout(timer);
  const closing = CLOSING_LINE.exec(output);
  const counts = { passed: Number(closing?.[1] ?? 0), failed: Number(closing?.[2] ?? 0) };
  const ignored = [...output.matchAll(IGNORED_LINE)].map((match) => match[1]!.trim());
  const failure = timedOut
    ? `did not end within ${SECONDS} seconds`
    : closing === null
    ? `ended with ${status.code} and without a closing line`
    : !status.success || counts.failed > 0
    ? `ended with ${status.code}`
    : counts.passed === 0 && !(run.pieceOf && ignored.length > 0)
    ? "ran no test"
    : undefined;
  return failure === undefined ? { ...counts, ignored } : { ...counts, ignored, failure };
}

async function show(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    await Deno.stdout.write(new TextEncoder().encode(piece));
  }
  return text.replaceAll("\r\n", "\n");
}
