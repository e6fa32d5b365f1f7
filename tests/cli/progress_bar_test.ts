import { assertEquals } from "@std/assert";
import { bar, ProgressBar, timeLeft } from "../../src/cli/terminal.ts";

const MIB = 1 << 20;

class FakeTerminal {
  text = "";
  constructor(readonly terminal: boolean, readonly width = 80) {}
  isTerminal(): boolean {
    return this.terminal;
  }
  writeSync(bytes: Uint8Array): number {
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  }
  columns(): number {
    return this.width;
  }
  /** The line that is drawn last. */
  get line(): string {
    return this.text.split("\r").at(-1)!.replace("\x1b[K", "");
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

Deno.test("the speed and the time left are those of the last seconds", () => {
  const terminal = new FakeTerminal(true);
  let now = 1000;
  using progress = new ProgressBar(terminal, () => now);
  const total = 1000 * MIB;
  let completed = 0;
  let bytes = 0;
  /** Goes on for so many seconds, at so many MiB in each. */
  const run = (seconds: number, speed: number, passedOver = 0) => {
    for (let i = 0; i < 5 * seconds; i++) {
      now += 200;
      bytes += speed / 5 * MIB;
      completed += (speed + passedOver) / 5 * MIB;
      progress.show({ completed, total, fraction: completed / total, bytes });
    }
  };
  progress.show({ completed, total, fraction: 0, bytes });
  assertEquals(terminal.line, bar(0));
  run(0.8, 10);
  assertEquals(terminal.line, bar(0.008));
  run(0.2, 10);
  assertEquals(terminal.line, `${bar(0.01)} 10 MiB/s 1:39 left`);
  run(9, 10);
  assertEquals(terminal.line, `${bar(0.1)} 10 MiB/s 1:30 left`);
  // Since the start it would be 20 MiB/s.
  run(5, 40);
  assertEquals(terminal.line, `${bar(0.3)} 40 MiB/s 0:18 left`);
  // What no file holds is passed over: that makes no speed, but the end comes nearer.
  run(5, 0, 100);
  assertEquals(terminal.line, `${bar(0.8)} 0:02 left`);
});

Deno.test("an operation that counts no bytes has no speed", () => {
  const terminal = new FakeTerminal(true);
  let now = 0;
  using progress = new ProgressBar(terminal, () => now);
  progress.show({ completed: 0, total: 2, fraction: 0 });
  now = 3000;
  progress.show({ completed: 1, total: 2, fraction: 0.5 });
  assertEquals(terminal.line, `${bar(0.5)} 0:03 left`);
});

Deno.test("where nothing goes on, nothing is said of the time", () => {
  const terminal = new FakeTerminal(true);
  let now = 0;
  using progress = new ProgressBar(terminal, () => now);
  for (; now <= 20_000; now += 1000) {
    progress.show({ completed: 1, total: 2, fraction: 0.5, bytes: 100 });
  }
  assertEquals(terminal.line, bar(0.5));
});

Deno.test("a line is never longer than the terminal is wide", () => {
  const terminal = new FakeTerminal(true, 20);
  using progress = new ProgressBar(terminal);
  progress.show({ completed: 0, total: 1, fraction: 0 });
  assertEquals(terminal.line, bar(0).slice(0, 19));
});

Deno.test("the time that is left has hours where it takes them", () => {
  assertEquals(timeLeft(0), "0:00 left");
  assertEquals(timeLeft(4.2), "0:05 left");
  assertEquals(timeLeft(90), "1:30 left");
  assertEquals(timeLeft(3599.5), "1:00:00 left");
  assertEquals(timeLeft(100_000), "27:46:40 left");
});
