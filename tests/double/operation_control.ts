/**
 * How the double's long operations run, from the test's side.
 */
import type { FunctionName, ReceivedOperation } from "./records.ts";
import { accepted, ascii, type DoubleSymbols, FOREVER, readRecord } from "./symbols.ts";

/** How an operation runs. */
export interface ToldOperation {
  /**
   * How many steps it takes; default 3. 0: it is over when its call returns, and the call returns what it
   * ended with. Infinity: it goes on until {@linkcode OperationControl.endAll}, or is cancelled.
   */
  readonly steps?: number;
  /** How long a step takes, in milliseconds; default 1. */
  readonly stepMs?: number;
  /** The Win32 code that it ends with; default 0. */
  readonly code?: number;
}

/** Tells the double how long operations run; without a word each takes three steps and succeeds. */
export class OperationControl {
  readonly #symbols: DoubleSymbols;

  /** Of {@linkcode Double}. */
  constructor(symbols: DoubleSymbols) {
    this.#symbols = symbols;
  }

  /** How the operations of a function run from now on, or those of all. */
  tell(name: FunctionName | "all", { steps = 3, stepMs = 1, code = 0 }: ToldOperation): void {
    const count = steps === Infinity ? FOREVER : steps;
    const told = name === "all" ? "" : name;
    accepted(this.#symbols.DoubleTellOperation(ascii(told), count, stepMs, code));
  }

  /**
   * What the progress of a function's operations is: each query gets the next pair of current value and
   * completion value, the last one again and again. The operation does not end before each was asked for.
   */
  tellProgress(name: FunctionName, pairs: readonly (readonly [number, number])[]): void {
    const values = BigUint64Array.from(pairs.flat(), BigInt);
    accepted(
      this.#symbols.DoubleTellProgress(ascii(name), new Uint8Array(values.buffer), pairs.length),
    );
  }

  /**
   * How operations say from now on that they are over: by their status alone, or by the event some time before the
   * status. By default by the status and then the event.
   */
  tellEnd(way: "without-event" | "after-event"): void {
    this.#symbols.DoubleTellEnd(way === "without-event" ? 1 : 2);
  }

  /** Ends whatever is pending with the code that it was told. */
  endAll(): void {
    this.#symbols.DoubleEndOperations();
  }

  /** How many are pending. */
  get pending(): number {
    return this.#symbols.DoublePendingOperations();
  }

  /** All since the double was reset, the oldest first; of those that have ended, the last 256. */
  get list(): readonly ReceivedOperation[] {
    const record = readRecord((text, size) => this.#symbols.DoubleOperations(text, size));
    return record as ReceivedOperation[];
  }
}
