import { assertEquals } from "@std/assert";
import { bar, ProgressBar, timeLeft } from "../../src/cli/progress_bar.ts";

class FakeTerminal {
  text = "";
  constructor(readonly terminal: boolean) {}
  isTerminal(): boolean {
    return this.terminal;
  }
  writeSync(bytes: Uint8Array): number {
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }
}

Deno.test("a bar shows the part that is done", () => {
  assertEquals(bar(0), `[${".".repeat(30)}]   0 %`);
  assertEquals(bar(0.5), `[${"#".repeat(15)}${".".repeat(15)}]  50 %`);
  assertEquals(bar(1 - Number.EPSILON), `[${"#".repeat(29)}.]  99 %`);
  assertEquals(bar(1), `[${"#".repeat(30)}] 100 %`);
});

Deno.test("a bar is drawn on a terminal, not with each report, and erased at the end", () => {
  const terminal = new FakeTerminal(true);
  {
    using progress = new ProgressBar(terminal);
    for (let i = 0; i < 10; i++) progress.show({ completed: i, total: 10, fraction: i / 10 });
    assertEquals(terminal.text, `\r${bar(0)}\x1b[K`);
  }
  assertEquals(terminal.text, `\r${bar(0)}\x1b[K\r\x1b[2K`);
});

Deno.test("nothing is drawn where there is no terminal, or nothing to show", () => {
  const pipe = new FakeTerminal(false);
  const idle = new FakeTerminal(true);
  {
    using progress = new ProgressBar(pipe);
    using unused = new ProgressBar(idle);
    progress.show({ completed: 1, total: 2, fraction: 0.5 });
    assertEquals(typeof unused.show, "function");
  }
  assertEquals([pipe.text, idle.text], ["", ""]);
});

Deno.test("the time that is left follows from the speed until now, once there is one", () => {
  assertEquals(timeLeft(500, 0.5), "");
  assertEquals(timeLeft(5000, 0), "");
  assertEquals(timeLeft(5000, 0.5), " 0:05 left");
  assertEquals(timeLeft(10_000, 0.1), " 1:30 left");
  assertEquals(timeLeft(60_000, 0.01), " 99:00 left");
  assertEquals(timeLeft(5000, 1), " 0:00 left");
});
