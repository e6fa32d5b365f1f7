/**
 * Which commands are done, and what those that are not are answered.
 *
 * @module
 */
import { VirtualDiskError } from "../errors/error.ts";
import { MAX_PAYLOAD, type Session } from "./handshake.ts";
import { COMMAND, COMMAND_FLAG, ERROR, type Request } from "./protocol.ts";

const { FUA, NO_HOLE, DF, REQ_ONE, FAST_ZERO } = COMMAND_FLAG;
/** What a command may be told. Durability may be asked of any. */
const FLAGS: Readonly<Record<number, number>> = {
  [COMMAND.READ]: FUA | DF,
  [COMMAND.WRITE]: FUA,
  [COMMAND.FLUSH]: FUA,
  [COMMAND.TRIM]: FUA,
  [COMMAND.CACHE]: FUA,
  [COMMAND.WRITE_ZEROES]: FUA | NO_HOLE | FAST_ZERO,
  [COMMAND.BLOCK_STATUS]: FUA | REQ_ONE,
};
const WRITING: readonly number[] = [COMMAND.WRITE, COMMAND.TRIM, COMMAND.WRITE_ZEROES];

/** A command cannot be done: the number tells the client why. */
export class CommandError extends Error {
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

/**
 * Checks a command against the rules of the protocol and the rights to the disk.
 *
 * @throws {CommandError} If it is not to be done.
 */
export function assertAllowed(
  { type, flags, offset, length }: Request,
  { disk, isStructured }: Session,
): void {
  const allowed = Object.hasOwn(FLAGS, type) ? FLAGS[type]! : undefined;
  if (allowed === undefined) {
    throw new CommandError(ERROR.EINVAL, `command ${type} is not known here`);
  }
  if ((flags & ~allowed) !== 0 || (flags & DF) !== 0 && !isStructured) {
    throw new CommandError(ERROR.EINVAL, `the flags ${flags} are not those of command ${type}`);
  }
  if (type === COMMAND.FLUSH) return;
  if (disk.readOnly && WRITING.includes(type)) {
    throw new CommandError(ERROR.EPERM, "the disk is served for reading");
  }
  const isPlaced = type === COMMAND.WRITE || type === COMMAND.WRITE_ZEROES;
  if (offset + length > disk.size) {
    throw new CommandError(
      isPlaced ? ERROR.ENOSPC : ERROR.EINVAL,
      `the disk ends after ${disk.size} bytes`,
    );
  }
  if (length === 0) throw new CommandError(ERROR.EINVAL, "the length is 0");
  if (length > MAX_PAYLOAD && (type === COMMAND.READ || type === COMMAND.WRITE)) {
    throw new CommandError(ERROR.EOVERFLOW, `at most ${MAX_PAYLOAD} bytes at a time`);
  }
}

/** The number of the protocol for what went wrong. */
export function numberOf(error: unknown): number {
  if (error instanceof CommandError) return error.number;
  if (!(error instanceof VirtualDiskError)) {
    return error instanceof Deno.errors.NotCapable ? ERROR.EPERM : ERROR.EIO;
  }
  switch (error.symbol) {
    case "ERROR_DISK_FULL":
    case "ERROR_VHD_BLOCK_ALLOCATION_FAILURE":
      return ERROR.ENOSPC;
    case "ERROR_ACCESS_DENIED":
    case "ERROR_WRITE_PROTECT":
      return ERROR.EPERM;
    default:
      return ERROR.EIO;
  }
}

/** What went wrong, for the client. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
