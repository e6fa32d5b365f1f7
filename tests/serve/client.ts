/** Runs a client, which the server of this process answers meanwhile. */
export async function runClient(program: string, ...args: string[]): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout);
  throw new Error(
    `${program} ${args.join(" ")} ended with ${code}:\n${text.decode(stdout)}${
      text.decode(stderr)
    }`,
  );
}
