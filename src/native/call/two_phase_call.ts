/**
 * Calls that come as far as they can and then go on until a second function ends them: a mirror until it is
 * broken, a fork until it is completed.
 *
 * @module
 */
import type { OperationOptions } from "../../disk/progress.ts";
import { assertSuccess, type RunningCalls } from "./disk_call.ts";
import {
  type CallContext,
  completion,
  OverlappedCall,
  type Started,
  throwOutcome,
} from "./overlapped.ts";
import type { HeapMemory } from "./memory.ts";
import type { VirtualDiskProgress } from "../ffi/structs.ts";

/** How often in a row 0 of 0 units must be seen: at first Windows may not know how many there are. */
const LOOKS_AT_NOTHING = 20;

/** One such call of a disk at a time. */
export class TwoPhaseCall {
  readonly #running: RunningCalls;
  #current: { readonly call: OverlappedCall; readonly options: OperationOptions } | undefined;
  #settle: (() => void) | undefined;

  /** The disk is not closed while `running` knows of the call. */
  constructor(running: RunningCalls) {
    this.#running = running;
  }

  /** Gives back what belongs to a call that has ended by itself meanwhile. */
  settle(): void {
    if (this.#current?.call.isOver) this.#settle?.();
  }

  /**
   * Starts the call and waits until it has come as far as it can: all of its units are done, yet it is
   * pending.
   */
  async start(
    context: CallContext,
    options: OperationOptions,
    start: (overlapped: bigint, memory: HeapMemory) => Started,
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const call = new OverlappedCall(context, start);
    const cancel = () => call.cancel();
    const end = this.#running.begin(context.operation);
    this.#current = { call, options };
    this.#settle = () => {
      options.signal?.removeEventListener("abort", cancel);
      end();
      this.#current = undefined;
    };
    options.signal?.addEventListener("abort", cancel);
    try {
      await completion(call, options, inStep());
    } finally {
      this.settle();
    }
  }

  /** Ends the call by the function of its second phase, and waits until it is over. */
  async finish(context: CallContext, second: () => Promise<number>): Promise<void> {
    await this.#running.run(context.operation, async () => {
      const { call, options: { signal } } = this.#current ?? { options: {} };
      try {
        if (!signal?.aborted) await this.#second(context, second, call, signal);
        if (call !== undefined) await completion(call, { signal });
      } finally {
        this.settle();
      }
    });
  }

  async #second(
    { operation, path }: CallContext,
    second: () => Promise<number>,
    call: OverlappedCall | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const code = await second();
    if (code === 0) return;
    // Why the first phase has failed says more than that there is nothing to end.
    if (call?.isOver) throwOutcome(call, signal);
    assertSuccess(code, operation, path);
  }
}

/** Whether a copy has all that there is. Of 0 units in all, that is so when there are no more after some time. */
function inStep(): (progress: VirtualDiskProgress) => boolean {
  let looksAtNothing = 0;
  return ({ CurrentValue, CompletionValue }) => {
    if (CompletionValue > 0n) looksAtNothing = 0;
    return CompletionValue > 0n
      ? CurrentValue >= CompletionValue
      : ++looksAtNothing >= LOOKS_AT_NOTHING;
  };
}
