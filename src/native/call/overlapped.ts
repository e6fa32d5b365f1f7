/**
 * Calls that go on after their function has returned: they get an OVERLAPPED with an event, can be asked
 * how far they are, and be cancelled.
 *
 * Their memory is that of the process, and their event is not closed before they are over: a worker may be
 * terminated meanwhile. They are started on the thread of the script, for Windows cancels what a thread has started when that
 * thread ends, and those of Deno's pool end when they are idle. They are waited for by a timer, for a
 * thread of the pool that waits is one less for everything else.
 *
 * @module
 */
import { type OperationOptions, ProgressReporter } from "../../disk/progress.ts";
import { errorCode, type ErrorSymbol } from "../../errors/codes.ts";
import { VirtualDiskError } from "../../errors/error.ts";
import type { Libraries } from "../ffi/library.ts";
import { OVERLAPPED, VIRTUAL_DISK_PROGRESS, type VirtualDiskProgress } from "../ffi/structs.ts";
import { HeapMemory } from "./memory.ts";
import { Event } from "./handle.ts";

const PENDING = errorCode("ERROR_IO_PENDING");
/** Milliseconds between two looks at a call: few at first, as most calls are short. */
const SHORTEST_PAUSE = 1;
const LONGEST_PAUSE = 50;
/** How often a call is looked at whose progress is final, but whose OVERLAPPED is not. */
const MOST_LOOKS = 20;
const STATUS_MASK = 0xffffffffn;

/** For whom a call is made. */
export interface CallContext {
  readonly libraries: Libraries;
  /** The function's name, for errors. */
  readonly operation: string;
  /** The image's path, for errors. */
  readonly path: string;
  /** The options that may be at fault, for errors. */
  readonly about?: readonly string[];
}

/** What a function returned, and the handle to ask about the call. */
export interface Started {
  readonly code: number;
  readonly handle: bigint;
}

/** A call that was started. Its memory and its event last until it is over. */
export class OverlappedCall {
  readonly context: CallContext;
  readonly #memory: HeapMemory;
  readonly #event: Event;
  readonly #overlapped: bigint;
  readonly #handle: bigint;
  #outcome: Outcome | undefined;
  readonly #progressPlace: bigint;
  #progress: VirtualDiskProgress | undefined;
  #lastStatus: number | undefined;
  #looksAtEnd = 0;

  /**
   * Starts a call.
   *
   * @param start Calls the function with the address of the OVERLAPPED; everything that the function is
   * given, or that is pointed to there, is placed in `memory`.
   * @throws {VirtualDiskError} With the code that the function returns, where it did not start.
   */
  constructor(
    context: CallContext,
    start: (overlapped: bigint, memory: HeapMemory) => Started,
  ) {
    const { kernel32 } = context.libraries;
    using stack = new DisposableStack();
    const memory = stack.use(new HeapMemory(kernel32));
    const event = stack.use(new Event(kernel32));
    const overlapped = memory.place(
      OVERLAPPED.pack({ Internal: 0n, InternalHigh: 0n, hEvent: event.value }),
    );
    const progressPlace = memory.place(new Uint8Array(VIRTUAL_DISK_PROGRESS.size));
    const { code, handle } = start(overlapped, memory);
    if (code !== 0 && code !== PENDING) throw failure(context, code);
    this.context = context;
    this.#memory = memory;
    this.#event = event;
    this.#overlapped = overlapped;
    this.#handle = handle;
    this.#progressPlace = progressPlace;
    if (code === PENDING) stack.move();
    else this.#outcome = { code };
  }

  /**
   * Looks whether the call is over. It is when its status is final, whether or not the event is set; an event that
   * is set while the call is pending says nothing. What was given to the call goes back then.
   */
  get isOver(): boolean {
    if (this.#outcome !== undefined) return true;
    this.#outcome = this.#look();
    if (this.#outcome === undefined) return false;
    // A status that Windows has not written yet may still come: its memory is kept for ever then.
    if (this.#status !== STATUS_PENDING || this.#event.isSet()) {
      this.#memory[Symbol.dispose]();
      this.#event[Symbol.dispose]();
    }
    return true;
  }

  /** How a call ended that is over. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Asks Windows to end the call. It is over some time later, or has been all the time. */
  cancel(): void {
    if (this.isOver) return;
    this.context.libraries.kernel32.CancelIoExAt(this.#handle, this.#overlapped);
  }

  /** How far the call was at the last look; `undefined` if Windows did not say, or it is over by now. */
  progress(): VirtualDiskProgress | undefined {
    return this.#outcome === undefined ? this.#progress : undefined;
  }

  get #status(): number {
    const overlapped = this.#memory.read(this.#overlapped, OVERLAPPED.size);
    return Number(OVERLAPPED.unpack(overlapped).Internal & STATUS_MASK);
  }

  /** How the call ended; `undefined` while it goes on. */
  #look(): Outcome | undefined {
    this.#progress = this.#askProgress();
    const status = this.#status;
    if (this.#progress !== undefined) {
      const code = this.#progress.OperationStatus;
      if (code === PENDING || code === STATUS_PENDING) return undefined;
      const isWritten = status !== STATUS_PENDING || this.#event.isSet();
      return isWritten || ++this.#looksAtEnd > MOST_LOOKS ? { code } : undefined;
    }
    if (status === STATUS_PENDING) return undefined;
    if (this.#event.isSet()) return outcomeOfStatus(this.#status);
    // Without the event, a success may be what was there before the call, and a failure a step on the way.
    const isSteady = status !== 0 && status === this.#lastStatus;
    this.#lastStatus = status;
    return isSteady ? outcomeOfStatus(status) : undefined;
  }

  #askProgress(): VirtualDiskProgress | undefined {
    const { virtdisk } = this.context.libraries;
    const place = this.#progressPlace;
    const code = virtdisk.GetVirtualDiskOperationProgressAt(this.#handle, this.#overlapped, place);
    if (code !== 0) return undefined;
    return VIRTUAL_DISK_PROGRESS.unpack(this.#memory.read(place, VIRTUAL_DISK_PROGRESS.size));
  }
}

/**
 * Waits until a call is over, or has come as far as is `enough`.
 *
 * @throws {VirtualDiskError} With the code with which the call ended, if not 0.
 * @throws The signal's reason, where the signal ended the call; what `onProgress` threw.
 */
export async function completion(
  call: OverlappedCall,
  { signal, onProgress }: OperationOptions,
  enough: (progress: VirtualDiskProgress) => boolean = () => false,
): Promise<void> {
  const reporter = new ProgressReporter(onProgress);
  const cancel = () => call.cancel();
  let thrown: { readonly error: unknown } | undefined;
  signal?.addEventListener("abort", cancel);
  try {
    for (let pause = SHORTEST_PAUSE; !call.isOver; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      // Again and again: a call may not be cancellable at one moment, but be so at the next.
      if (thrown !== undefined || signal?.aborted) {
        call.cancel();
      } else {
        const progress = call.progress();
        thrown = progress && errorOf(() => report(reporter, progress));
        if (thrown === undefined && progress !== undefined && enough(progress)) break;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
  if (thrown !== undefined) throw thrown.error;
  throwOutcome(call, signal);
  reporter.end();
}

/** Throws where a call has ended with another code than 0: the signal's reason, where it wanted that. */
export function throwOutcome(call: OverlappedCall, signal: AbortSignal | undefined): void {
  const { outcome, context } = call;
  if (outcome === undefined || outcome.code === 0) return;
  throw signal?.aborted ? signal.reason : failure(context, outcome.code, outcome.reason);
}

/**
 * Makes a call from its start to its end.
 *
 * @throws As {@linkcode OverlappedCall} and {@linkcode completion}; the signal's reason where it was
 * aborted before.
 */
export async function runToEnd(
  context: CallContext,
  options: OperationOptions,
  start: ConstructorParameters<typeof OverlappedCall>[1],
): Promise<void> {
  options.signal?.throwIfAborted();
  await completion(new OverlappedCall(context, start), options);
}

function report(reporter: ProgressReporter, progress: VirtualDiskProgress): void {
  reporter.step(Number(progress.CurrentValue), Number(progress.CompletionValue));
}

function errorOf(action: () => void): { readonly error: unknown } | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return { error };
  }
}

function failure(
  { operation, path, about }: CallContext,
  code: number,
  reason?: string,
): VirtualDiskError {
  return new VirtualDiskError(code, operation, { path, about, reason });
}

// The NTSTATUS that OVERLAPPED.Internal holds when a call is over. The function that translates all of
// them, RtlNtStatusToDosError, is in ntdll.dll, for which scripts would have to grant one more library.
//
// @see {@link https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55}

/** The statuses that requests to a disk end with. */
const SYMBOLS = new Map<number, ErrorSymbol>([
  [0x00000000, "ERROR_SUCCESS"],
  [0x00000103, "ERROR_IO_PENDING"],
  [0xc0000008, "ERROR_INVALID_HANDLE"],
  [0xc000000d, "ERROR_INVALID_PARAMETER"],
  [0xc000000e, "ERROR_FILE_NOT_FOUND"],
  [0xc0000010, "ERROR_INVALID_FUNCTION"],
  [0xc0000011, "ERROR_HANDLE_EOF"],
  [0xc0000022, "ERROR_ACCESS_DENIED"],
  [0xc0000043, "ERROR_SHARING_VIOLATION"],
  [0xc000007f, "ERROR_DISK_FULL"],
  [0xc000009a, "ERROR_NO_SYSTEM_RESOURCES"],
  [0xc00000a2, "ERROR_WRITE_PROTECT"],
  [0xc00000a3, "ERROR_NOT_READY"],
  [0xc00000bb, "ERROR_NOT_SUPPORTED"],
  [0xc0000120, "ERROR_OPERATION_ABORTED"],
  [0xc0000184, "ERROR_BAD_COMMAND"],
  [0xc0000185, "ERROR_IO_DEVICE"],
]);

/** Virtual disks have the same codes in both worlds. */
const FACILITY_MASK = 0xffff0000;
const VIRTUAL_DISK_FACILITY = 0xc03a0000;

/** How a request ended. */
export interface Outcome {
  /** A Win32 code. */
  readonly code: number;
  /** What the code does not say: the number of a status that has no code here. */
  readonly reason?: string;
}

/** STATUS_PENDING: the request goes on. */
export const STATUS_PENDING = 0x103;

/** How a request ended, by its NTSTATUS; one that is not known here is `ERROR_GEN_FAILURE`, with its number. */
export function outcomeOfStatus(status: number): Outcome {
  if ((status & FACILITY_MASK) >>> 0 === VIRTUAL_DISK_FACILITY) return { code: status };
  const symbol = SYMBOLS.get(status);
  if (symbol !== undefined) return { code: errorCode(symbol) };
  const number = `0x${status.toString(16).toUpperCase().padStart(8, "0")}`;
  return {
    code: errorCode("ERROR_GEN_FAILURE"),
    reason: `Windows ended the request with NTSTATUS ${number}`,
  };
}
