/**
 * What a person, or a program, is told when a command fails.
 *
 * @module
 */
import type { VirtualDiskError } from "../../portable.ts";
import { codeName } from "../text/error_code.ts";
import { quoted } from "../text/quoted.ts";
import { forShell, withFlags } from "./in_options.ts";

/** The exit status when a command failed, or could not be understood. */
export const FAILED_STATUS = 2;
/** The exit status when what was asked for was done, and shows a fault or a difference. */
export const FINDING_STATUS = 1;

/** A volume, or a file, that takes no more: what is there by then is sound. */
const FULL: readonly string[] = ["ERROR_DISK_FULL", "ERROR_FILE_SYSTEM_LIMITATION"];

/** A command line that cannot be understood, or that asks for what makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  /** What to type instead; by default the message says where the help is. */
  readonly advice: string | undefined;

  constructor(message: string, advice?: string) {
    super(message);
    this.advice = advice;
  }
}

/** What a command itself refuses or misses, in words for the one who typed it. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
}

/** Standard output that takes no more: a full volume, for example. */
export class OutputError extends Error {
  override readonly name = "OutputError";

  /**
   * @param cause What the system says.
   * @param written How many bytes have gone out.
   */
  constructor(override readonly cause: Error, readonly written: number, state = "") {
    super(`standard output: ${cause.message}, after ${written} bytes${state}`, { cause });
  }
}

/** A failure as programs get it: docs are in the JSON Schema. */
export interface FailureFacts {
  readonly name: string;
  readonly code: number | null;
  readonly symbol: string | null;
  readonly operation?: string;
  readonly file?: string;
  readonly message: string;
  readonly causes: readonly string[];
  readonly detail?: VirtualDiskError["detail"] | undefined;
  readonly state?: string | undefined;
}

/** Whether the error is that a file or a volume can take no more. */
export function isFull(error: unknown): boolean {
  return isVirtualDiskError(error) && FULL.includes(error.symbol);
}

/**
 * The failure in words.
 *
 * @param command The command that was typed; `null` if none was.
 * @param subject The file that it was about; `null` if it was about none.
 * @throws `error` itself if nobody but this program can be at fault.
 */
export function failureText(
  command: string | null,
  subject: string | null,
  error: unknown,
): string {
  if (isVirtualDiskError(error)) {
    const advice = forShell(error.causes, command).join("\n  or: ");
    const text = `virtdisk: ${about(error.path ?? subject)}${saying(error)}`;
    return advice === "" ? text : `${text}. ${advice}`;
  }
  if (error instanceof OutputError) return `virtdisk: ${error.message}`;
  return `virtdisk: ${about(subject)}${expected(error).message}`;
}

function about(subject: string | null): string {
  return subject === null ? "" : `${quoted(subject)}: `;
}

/** How Deno ends its refusals: as if `deno run` had been typed. */
const RUN_AGAIN = /, run again with (?:the (--allow-[a-z]+) flag|(--allow-net=\S+))$/;

/** A refusal of Deno's, for whoever may have made a command of it: that keeps the flags it was installed with. */
function startedWith(message: string): string {
  return message.replace(
    RUN_AGAIN,
    (_, flag?: string, hosts?: string) =>
      `: start virtdisk with ${flag ?? hosts}, or install it again with that flag`,
  );
}

/** What is wrong, with its code. */
function saying({ reason, symbol, code }: VirtualDiskError): string {
  return `${withFlags(reason)} (${codeName(symbol, code)})`;
}

/**
 * The failure as facts.
 *
 * @param command As of {@linkcode failureText}.
 * @param absolute Makes a path absolute.
 * @throws `error` itself if nobody but this program can be at fault.
 */
export function failureFacts(
  command: string | null,
  error: unknown,
  absolute: (path: string) => string,
): FailureFacts {
  if (!isVirtualDiskError(error)) {
    const { name, message } = expected(error);
    return { name, code: null, symbol: null, message, causes: [] };
  }
  const { name, code, symbol, operation, path, causes, detail } = error;
  return {
    name,
    code,
    symbol,
    operation,
    ...(path === undefined ? {} : { file: absolute(path) }),
    message: saying(error),
    causes: forShell(causes, command),
    ...(detail === undefined ? {} : { detail }),
  };
}

/** Told by its name: the class would load the code of disks, which a wrong command line does not need. */
function isVirtualDiskError(error: unknown): error is VirtualDiskError {
  return error instanceof Error && error.name === "VirtualDiskError";
}

/** What is said of an error that a user, or the system, can be the cause of. */
function expected(error: unknown): Pick<FailureFacts, "name" | "message"> {
  // An errno: of standard input, for those of images are VirtualDiskErrors.
  const isSystems = error instanceof Error && "code" in error && typeof error.code === "string";
  const isOurs = error instanceof CommandFailure || error instanceof Deno.errors.NotCapable ||
    error instanceof TypeError || error instanceof RangeError;
  if (!(error instanceof Error && (isSystems || isOurs))) throw error;
  return { name: error.name, message: startedWith(withFlags(error.message)) };
}
