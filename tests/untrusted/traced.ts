/** What a program asks of the system about files and networks, as strace sees it. */
import { resolve } from "@std/path";
import { circumstance, type Need, tool } from "../support.ts";

/** What a trace needs: the program, and leave to look at another process. */
export const TRACE_NEEDS: readonly Need[] = [
  tool("strace"),
  circumstance(() => {
    if (tool("strace")() !== undefined) return undefined;
    const { success } = new Deno.Command("strace", {
      args: ["-o", "/dev/null", "true"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? undefined : "no process may be traced here";
  }),
];

/** A call of the system. */
export interface Call {
  readonly name: string;
  /** Absolute paths among its arguments. */
  readonly paths: readonly string[];
  /** The whole line. */
  readonly text: string;
}

/** Runs a program and what it starts, in a folder; gives the calls about files and networks. */
export async function traced(
  trace: string,
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions & { readonly cwd: string },
): Promise<Call[]> {
  const strace = ["-f", "-qq", "-s", "65536", "-e", "trace=%file,%network", "-o", trace];
  const { success, stderr, stdout } = await new Deno.Command("strace", {
    ...options,
    args: [...strace, program, ...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stdout) + text.decode(stderr));
  const lines = (await Deno.readTextFile(trace)).split("\n");
  return lines.flatMap((line) => {
    const [, name, rest = ""] = /^\d+ +(?:<\.\.\. )?(\w+)(?: resumed>|\()(.*)/.exec(line) ?? [];
    if (name === undefined) return [];
    const paths = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, path]) =>
      resolve(options.cwd, unescaped(path!))
    );
    return [{ name, paths, text: line }];
  });
}

/** As C writes texts: octal numbers of bytes, and letters. */
function unescaped(text: string): string {
  return text.replaceAll(
    /\\([0-7]{1,3}|.)/g,
    (_, code) => /\d/.test(code) ? String.fromCharCode(parseInt(code, 8)) : code,
  );
}
