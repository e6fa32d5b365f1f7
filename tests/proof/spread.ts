/** Work that is spread over all processors: pieces of it, handed to workers. */

/** What a worker answers. */
type Answer<Result> = { readonly result: Result } | { readonly error: string };

/** A worker's side of its messages. */
interface WorkerScope<Piece, Result> {
  onmessage: (event: MessageEvent<Piece>) => void;
  postMessage(answer: Answer<Result>): void;
}

/**
 * Has each piece done by one of as many workers as there are processors. Which worker that is must make no difference.
 *
 * @param module What a worker runs: it calls {@linkcode workOn}.
 * @param onDone Is told of each piece that is done, in the order in which they come to their end.
 * @returns What came of the pieces, in their order.
 * @throws {Error} What the work on a piece threw; all workers are ended then.
 */
export async function spread<Piece, Result>(
  module: URL,
  pieces: readonly Piece[],
  onDone: (result: Result) => void = () => {},
): Promise<Result[]> {
  const results: Result[] = [];
  const left = pieces.entries();
  const count = Math.min(pieces.length, navigator.hardwareConcurrency);
  const workers = Array.from({ length: count }, () => new Worker(module, { type: "module" }));
  try {
    await Promise.all(workers.map(async (worker) => {
      // One iterator for all: each takes what nobody has taken.
      for (const [i, piece] of left) {
        results[i] = await answerOf<Piece, Result>(worker, piece);
        onDone(results[i]!);
      }
    }));
  } finally {
    for (const worker of workers) worker.terminate();
  }
  return results;
}

function answerOf<Piece, Result>(worker: Worker, piece: Piece): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  worker.onmessage = ({ data }: MessageEvent<Answer<Result>>) => {
    if ("result" in data) resolve(data.result);
    else reject(new Error(data.error));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  worker.postMessage(piece);
  return promise;
}

/** What the module of a worker calls: does each piece that it is handed. */
export function workOn<Piece, Result>(work: (piece: Piece) => Promise<Result>): void {
  const scope = globalThis as unknown as WorkerScope<Piece, Result>;
  scope.onmessage = async ({ data }) => {
    try {
      scope.postMessage({ result: await work(data) });
    } catch (error) {
      scope.postMessage({ error: error instanceof Error ? `${error.stack}` : String(error) });
    }
  };
}
