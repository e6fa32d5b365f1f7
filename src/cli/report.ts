/**
 * What a command tells of each file: a person in words, a program in one JSON object to a line, as
 * json_schema.json describes it.
 *
 * @module
 */
import { resolve } from "../text/paths.ts";
import { printable } from "../text/printable.ts";
import {
  FAILED_STATUS,
  type FailureFacts,
  failureFacts,
  failureText,
  isFull,
  OutputError,
  UsageError,
} from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { printLine, printResult } from "./streams.ts";
import { ProgressBar } from "./terminal.ts";
import { isUrl, shownOperand } from "./url_operand.ts";

/** The number of the JSON Schema. It grows when what programs rely on changes; what is added leaves it. */
const SCHEMA = 1;

/** How a command tells what it tells. */
export interface ReportOptions {
  /** For a program, not a person. */
  readonly json: boolean;
  /** Whether standard output gets the bytes of a disk: then JSON goes to standard error. */
  readonly besideBytes?: boolean;
  /** Whether the exit status alone answers: only failures are told then. */
  readonly quiet?: boolean;
}

/** What one run of a command tells. */
export class Report {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #subcommand: string | null;
  readonly #besideBytes: boolean;

  /** @param subcommand Its name; `null` if none was given. */
  constructor(
    subcommand: string | null,
    { json, besideBytes = false, quiet = false }: ReportOptions,
  ) {
    this.#subcommand = subcommand;
    this.json = json;
    this.quiet = quiet;
    this.#besideBytes = besideBytes;
  }

  /** A bar for what takes long; it is not drawn if the exit status alone answers. */
  progressBar(): ProgressBar {
    return new ProgressBar(this.quiet ? null : undefined);
  }

  /**
   * Tells what a file is, or what is in it; nothing if it is quiet.
   *
   * @param path The file, as it was given; `null` for standard input.
   * @param text For a person; nothing is printed without it.
   * @throws As `printLine`.
   */
  tell(path: string | null, facts: object, text?: () => string): void {
    if (!this.quiet) this.#print({ ok: true, path, facts }, text, printLine);
  }

  /**
   * Tells what has become of files that were changed, as {@linkcode Report.tell}.
   *
   * @throws As `printResult`.
   */
  tellDone(path: string, facts: object, text?: () => string): void {
    this.#print({ ok: true, path, facts }, text, printResult);
  }

  /**
   * Tells of a failure; gives the exit status. A reader who has seen enough, as `head` does, needs to be told
   * nothing.
   *
   * @param path The file that it was about, as it was given; `null` if it was about none.
   * @param whenFull In which state the file is if it could not grow any more.
   * @throws `error` itself if nobody but this program can be at fault.
   */
  fail(path: string | null, error: unknown, whenFull?: string): number {
    if (error instanceof Deno.errors.BrokenPipe) return FAILED_STATUS;
    const state = isFull(error) ? whenFull : undefined;
    if (this.json && !(error instanceof OutputError)) {
      const { file, ...facts } = failureFacts(this.#subcommand, error, absolute);
      // Standard input and devices have no path, and what is kept of them meanwhile nobody has named.
      const about = path === null || file === undefined ? {} : { file };
      this.failWith(path, { ...facts, ...about, state });
    } else {
      const text = failureText(this.#subcommand, path === null ? null : shownOperand(path), error);
      console.error(printable(text) + (state === undefined ? "" : `\n  ${state}`));
    }
    return FAILED_STATUS;
  }

  /** Tells a program of a failure. */
  failWith(path: string | null, facts: FailureFacts): void {
    this.#print({ ok: false, path, facts }, undefined, printLine);
  }

  /**
   * Tells what has ended a run, other than a failure that is about its file; gives the exit status.
   *
   * @param error What was thrown; a fault of this program's own if it is nothing that a user can cause.
   */
  end(error: unknown): number {
    if (error instanceof OutputError || error instanceof Deno.errors.BrokenPipe) {
      return this.fail(null, error);
    }
    const isUsage = error instanceof UsageError;
    // Thrown on, a fault of this program would end it with the status of a finding.
    if (!isUsage) console.error(error);
    if (this.json) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      const causes = isUsage && error.advice !== undefined ? [error.advice] : [];
      this.failWith(null, { name, code: null, symbol: null, message, causes });
    } else if (isUsage) {
      const help = ["virtdisk", this.#subcommand ?? [], "--help"].flat().join(" ");
      console.error(`virtdisk: ${error.message}\n${error.advice ?? `See \`${help}\`.`}`);
    }
    return FAILED_STATUS;
  }

  /**
   * As `interruptible`, telling of an interruption.
   *
   * @param path The file that is worked on then, as it was given; `null` for standard input.
   */
  async interruptible(
    path: () => string | null,
    run: (signal: AbortSignal) => Promise<number>,
    state?: () => string | undefined,
  ): Promise<number> {
    const tell = (state: string | undefined) => {
      const facts = { name: "Interruption", code: null, symbol: null, causes: [], state };
      this.failWith(path(), { ...facts, message: "interrupted" });
    };
    return await interruptible(run, state, this.json ? tell : undefined);
  }

  #print(
    { ok, path, facts }: { ok: boolean; path: string | null; facts: object },
    text: (() => string) | undefined,
    print: (line: string) => void,
  ): void {
    if (!this.json) {
      if (text !== undefined) print(printable(text()));
      return;
    }
    const subject = { path: path === null ? null : absolute(path) };
    const head = { schema: SCHEMA, subcommand: this.#subcommand, ok };
    // Facts may have a path too, with its links followed.
    const line = toJson(Object.assign({ ...head, ...subject }, facts, subject));
    if (this.#besideBytes) console.error(line);
    else print(line);
  }
}

/** The absolute form of a path as it was given: links are not followed. A URL is as it may be shown. */
export function absolute(path: string): string {
  return isUrl(path) ? shownOperand(path) : resolve(path);
}

/** What a damaged image holds may be a `bigint`, which JSON has not. */
function toJson(value: object): string {
  return JSON.stringify(
    value,
    (_, each) => typeof each === "bigint" ? `0x${each.toString(16)}` : each,
  );
}
