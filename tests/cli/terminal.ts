/** Runs the command line on a pseudo-terminal, as a person does. */
import { pythonModule, type TempDir } from "../support.ts";
import { CLI_ARGS } from "./run_cli.ts";

/** Python's module for pseudo-terminals, which Windows has not. */
export const terminalNeed = pythonModule("pty");

/**
 * Gives the program a terminal of 80 columns; presses Ctrl-C once, or closes the terminal, as soon as a text is
 * seen there.
 */
const SCRIPT = `
import fcntl, json, os, pty, re, struct, sys, termios
trigger, output, hangs_up, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    if output:
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.execvp(command[0], command)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
text, pressed = "", False
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    text += piece.decode()
    if trigger and not pressed and re.search(trigger, text):
        if hangs_up:
            os.close(terminal)
            break
        os.write(terminal, b"\\x03")
        pressed = True
print(json.dumps({"code": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), "text": text}))
`;

/** What a run on a terminal has left. */
export interface TerminalOutcome {
  readonly code: number;
  /** All that was drawn, with its control characters. */
  readonly text: string;
}

/** How a command is run. */
export interface TerminalOptions {
  /** Presses Ctrl-C as soon as this is on the terminal. */
  readonly interruptAt?: RegExp;
  /** Closes the terminal instead, as whoever closes its window. */
  readonly hangUp?: boolean;
  /** A file of the folder to which standard output goes instead. */
  readonly output?: string;
}

/** Runs a command in `dir`. */
export async function runOnTerminal(
  dir: TempDir,
  args: readonly string[],
  { interruptAt, hangUp = false, output = "" }: TerminalOptions = {},
): Promise<TerminalOutcome> {
  const { stdout, stderr } = await new Deno.Command("/usr/bin/python3", {
    args: [
      ...["-c", SCRIPT, interruptAt?.source ?? "", output, hangUp ? "yes" : ""],
      ...[Deno.execPath(), ...CLI_ARGS, ...args],
    ],
    cwd: dir.path,
    env: { NO_COLOR: "1", TERM: "xterm" },
  }).output();
  const text = new TextDecoder();
  try {
    return JSON.parse(text.decode(stdout));
  } catch {
    throw new Error(text.decode(stderr));
  }
}
