/**
 * What a command is: how it is parsed, its help, the completions of a shell, the manual and the table in README
 * follow from its declaration.
 *
 * @module
 */
import type { Report } from "./report.ts";
import { isUrl } from "./url_operand.ts";

/** An option that is there or not. */
export interface Flag {
  /** What it does, as the help says it. */
  readonly about: string;
  readonly value?: undefined;
}

/** An option with a value. */
export interface Valued<T> {
  readonly about: string;
  /** What the help calls the value, such as `SIZE`. */
  readonly value: string;
  /** The words that the value can be, if it is one of some. */
  readonly words?: readonly string[];
  /** Whether the value is the path of a file or folder. */
  readonly isPath?: boolean;
  /** The value if the option is left out. */
  readonly initial?: T;
  /**
   * What the text says.
   *
   * @param option The option as it is typed, for the error.
   * @throws {UsageError} If the text cannot be understood.
   */
  parse(option: string, text: string): T;
}

/** An option of a command. */
export type Option = Flag | Valued<unknown>;

/** Options by their names in the API: `dryRun` is typed as `--dry-run`. */
export type Options = Readonly<Record<string, Option>>;

/** What options were given: each flag is there or not, the others only if they were given. */
export type Values<O extends Options> =
  & { readonly [K in keyof O as O[K] extends Flag ? K : never]: boolean }
  & {
    readonly [K in keyof O as O[K] extends { initial: unknown } ? K : never]: ValueOf<O[K]>;
  }
  & {
    readonly [
      K in keyof O as O[K] extends Flag | { initial: unknown } ? never : K
    ]?: ValueOf<O[K]>;
  };
type ValueOf<V> = V extends Valued<infer T> ? T : never;

/** The operands by how the help writes them: `FILE [SIZE]`, `FILE...`. */
export type Operands<S extends string> = S extends "" ? readonly []
  : S extends `${infer First} ${infer Rest}` ? readonly [...Operand<First>, ...Operands<Rest>]
  : Operand<S>;
type Operand<S extends string> = S extends `[${string}]` ? readonly [string?]
  : S extends `${string}...` ? readonly [string, ...string[]]
  : readonly [string];

/** A permission of Deno's that a command needs. */
export interface Permission {
  readonly kind: "read" | "write" | "ffi" | "net" | "sys";
  /** For which files, or libraries, in the words of the help: `each FILE and its parents`. */
  readonly scope: string;
  /** Needed only with one of these, as they are typed: `--repair`, `--backend native`. */
  readonly with?: readonly string[];
  /** Not needed with one of these. */
  readonly unless?: readonly string[];
  /** Whether it is for files that lie elsewhere than those that are named. */
  readonly anywhere?: true;
  /** Whether it is for the servers of URLs, and needed with these alone. */
  readonly forUrls?: true;
  /** Those servers, if they are known: `example.com`, `127.0.0.1:8080`. */
  readonly hosts?: readonly string[];
}

/** What a command is. */
export interface Declaration<O extends Options = Options, S extends string = string> {
  /** What it does, in sentences. */
  readonly about: string;
  /** What it takes besides options: `FILE...`, `SOURCE TARGET`, `FILE [SIZE]`, or nothing. */
  readonly operands: S;
  /** The words that an operand can be, by its name; other operands are files. */
  readonly words?: Readonly<Record<string, readonly string[]>>;
  /** By their names in the API; see {@linkcode Options}. */
  readonly options: O;
  readonly permissions: readonly Permission[];
  /** What is good to know before the first use, in sentences. */
  readonly notes?: string;
  /** Command lines without `virtdisk`, each with what it is for. Tests run them. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** When it ends with 0 and with 1, unless that is when it has done its work, and never. */
  readonly statuses?: { readonly 0?: string; readonly 1?: string; readonly 2?: string };
  /** Whether it goes on until it is interrupted, which is its good end. */
  readonly untilInterrupted?: boolean;
  /** Whether standard output gets the bytes of a disk: then JSON goes to standard error. */
  readonly putsOutBytes?: (
    operands: readonly string[],
    options: ReadonlySet<string>,
  ) => boolean;
  /**
   * Does the work; gives the exit status.
   *
   * @throws {UsageError} If the arguments make no sense together.
   */
  run(given: Given<O, S>): number | Promise<number>;
}

/** What a command is given. */
export interface Given<O extends Options, S extends string> {
  readonly operands: Operands<S>;
  readonly options: Values<O>;
  /** Where it tells what has become of each file. */
  readonly report: Report;
  /** All commands, for those that tell of others. */
  readonly commands: Commands;
}

/** A command that can be run. */
export interface Command {
  readonly declaration: Declaration;
  help(name: string): string;
  /** Runs a command line; gives the exit status. It fails with nothing but a fault of this program's own. */
  run(name: string, args: readonly string[], commands: Commands): Promise<number>;
}

/** A command that has not been loaded: most of them need the code of disks, which takes its time. */
export interface Entry {
  /** What it does, in a few words that go on after its name. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: Command }>;
  /** The one system on which it does something; default: all. */
  readonly system?: "windows";
}

/** Commands by their names, in the order in which they are listed. */
export type Commands = ReadonlyMap<string, Entry>;

/** The permissions that a command line needs. */
export function permissionsFor(
  { permissions }: Declaration,
  args: readonly string[],
): readonly Permission[] {
  const line = ` ${args.join(" ").replaceAll("=", " ")} `;
  const has = (option: string) => line.includes(` ${option} `);
  const needed = permissions.filter((each) =>
    (each.with?.some(has) ?? true) && !(each.unless?.some(has) ?? false)
  );
  const hosts = args.flatMap((each) => isUrl(each) ? URL.parse(each)?.host ?? [] : []);
  return needed.flatMap((each) => {
    if (!each.forUrls) return each;
    return hosts.length === 0 ? [] : { ...each, hosts: [...new Set(hosts)] };
  });
}

/** How an option is typed: `dryRun` as `--dry-run`. */
export function typed(option: string): string {
  return `--${option.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A command with what is known of it before and after it is loaded. */
export type Declared = readonly [name: string, summary: string, declaration: Declaration];

/** Loads the declarations of all commands. */
export async function declarations(commands: Commands): Promise<Declared[]> {
  return await Promise.all(
    [...commands].map(async ([name, { summary, load }]): Promise<Declared> => [
      name,
      summary,
      (await load()).default.declaration,
    ]),
  );
}

/** What a command takes besides options: how the help calls it, and its words if it is not a file. */
export interface OperandKind {
  readonly name: string;
  readonly words?: readonly string[];
  /** Whether it is a file: what has no words and is no size. */
  readonly isFile: boolean;
  readonly isOptional: boolean;
  /** Whether there may be more of it. */
  readonly isRepeated: boolean;
}

/** The operands of a command, in their order. */
export function operandsOf({ operands, words = {} }: Declaration): OperandKind[] {
  return operands.split(" ").filter((each) => each !== "").map((written) => {
    const name = written.replaceAll(/[[\]]|\.\.\./g, "");
    const known = words[name];
    return {
      name,
      ...(known === undefined ? {} : { words: known }),
      isFile: known === undefined && name !== "SIZE",
      isOptional: written.startsWith("["),
      isRepeated: written.endsWith("..."),
    };
  });
}
