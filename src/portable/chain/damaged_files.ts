/**
 * The files of a chain, opened in spite of their damage: what is wrong with them is noted, and what is lost left out.
 * Loaded only if that is asked for.
 *
 * @module
 */
import type { AssumedSizes } from "../../disk/damage.ts";
import type { ErrorSymbol } from "../../errors/codes.ts";
import { isErrorOf } from "../../errors/error.ts";
import type { ByteSource } from "../file/byte_source.ts";
import { ImageError } from "../file/image_error.ts";
import { damagedImageOpener, type ImageFormat, type OpenDamagedImage } from "../formats.ts";
import type { DiskImage } from "../image/image.ts";
import { Damages, TolerantImage } from "../image/tolerant_image.ts";

/** What is there and can be used, or read by somebody with more rights, is not lost. */
const LOST_PARENT: readonly ErrorSymbol[] = [
  "ERROR_VHD_PARENT_VHD_NOT_FOUND",
  "ERROR_VHD_CHILD_PARENT_ID_MISMATCH",
  "ERROR_VHD_CHILD_PARENT_SIZE_MISMATCH",
  "ERROR_VHD_DIFFERENCING_CHAIN_CYCLE_DETECTED",
  "ERROR_VHD_DIFFERENCING_CHAIN_ERROR_IN_PARENT",
];

/** Opens what is left of the files of one chain. */
export class DamagedFiles {
  /** What is wrong with them. */
  readonly damages: Damages;
  readonly #open: OpenDamagedImage;

  private constructor(open: OpenDamagedImage, assumed: AssumedSizes) {
    this.#open = open;
    this.damages = new Damages(assumed);
  }

  /**
   * Loads what opens them.
   *
   * @param assumed What the child may not say any more.
   */
  static async load(assumed: AssumedSizes): Promise<DamagedFiles> {
    return new DamagedFiles(await damagedImageOpener(), assumed);
  }

  /**
   * @param isAlone Whether its parents are left out: what is in them is lost.
   * @throws {ImageError} If it cannot be told what is left.
   */
  openChild(file: ByteSource, format: ImageFormat | undefined, isAlone: boolean): DiskImage {
    const image = this.#open(file, this.damages, format);
    if (isAlone && image instanceof TolerantImage) image.loseParent();
    return image;
  }

  /** @throws {ImageError} As {@linkcode DamagedFiles.openChild}. */
  openParent(file: ByteSource, format: ImageFormat | undefined): DiskImage {
    // What is assumed is assumed of the child. A candidate that does not open leaves no findings.
    const ofParent = new Damages();
    const image = this.#open(file, ofParent, format);
    this.damages.addAll(ofParent);
    return image;
  }

  /**
   * Goes on without the parent.
   *
   * @param error What opening it has failed with.
   * @throws `error` if the parent is not lost by it.
   */
  loseParent(child: DiskImage, error: unknown): void {
    const isLost = error instanceof ImageError && LOST_PARENT.includes(error.symbol) &&
      !isErrorOf(error.options.cause, "ERROR_IO_DEVICE");
    if (!isLost || !(child instanceof TolerantImage)) throw error;
    child.loseParent();
    this.damages.add({
      path: child.source.path,
      structure: "parent",
      offset: 0,
      found: error.options.reason ?? error.symbol,
      expected: "the disk that the image was made from",
      consequence: "What only the parent holds is lost.",
    });
  }
}
