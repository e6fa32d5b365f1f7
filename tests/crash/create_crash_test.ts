/** A crash while an image is created leaves no image, or the whole one. */
import { assertEquals, assertGreater } from "@std/assert";
import type { ByteSource } from "../../src/portable/file/byte_source.ts";
import type { DiskImage, ImageSpec } from "../../src/portable/image/image.ts";
import { ImageError } from "../../src/portable/file/image_error.ts";
import { openVhd } from "../../src/portable/vhd/open.ts";
import { openVhdx } from "../../src/portable/vhdx/image.ts";
import { Random } from "../fuzz/random.ts";
import { vhdSpec } from "../portable/vhd/vhd_builder.ts";
import { vhdxSpec } from "../portable/vhdx/vhdx_builder.ts";
import { pattern } from "../support.ts";
import { explored, sampled, sampledBound } from "../sampling.ts";
import { crashStates } from "./crash_states.ts";
import { diskItem } from "./disk_items.ts";
import { type Create, createVhdIn, createVhdxIn } from "./formats.ts";
import { observe } from "./observation.ts";
import { RecordingSource } from "./recording_source.ts";
import { SparseFile } from "./sparse_file.ts";

const SUBTYPES = ["fixed", "dynamic", "differencing"] as const;
/** A file without the marks of its format; a VHD may also end after its header, before its footer. */
const NO_IMAGE: readonly string[] = [
  "ERROR_VHD_FORMAT_UNKNOWN",
  "ERROR_VHD_DRIVE_FOOTER_MISSING",
];
const SAMPLES = 40;
const SEED = 11;

interface Creation {
  readonly create: Create;
  readonly open: (source: ByteSource) => DiskImage;
  readonly spec: (subtype: ImageSpec["subtype"]) => ImageSpec;
}

const FORMATS: Record<string, Creation> = {
  VHD: { create: createVhdIn, open: openVhd, spec: (subtype) => vhdSpec({ subtype }) },
  VHDX: {
    create: createVhdxIn,
    open: openVhdx,
    spec: (subtype) => vhdxSpec({ subtype, items: [diskItem(1, true, pattern(5000))] }),
  },
};

for (const [format, { create, open, spec }] of Object.entries(FORMATS)) {
  for (const subtype of SUBTYPES) {
    Deno.test(`creating a ${subtype} ${format} leaves a whole image or none`, () => {
      const recording = new RecordingSource<never>(new SparseFile());
      create(recording, spec(subtype));
      const whole = observe(open(recording));
      let states = 0;
      for (
        const state of sampled(
          crashStates(recording.base, recording.changes, new Random(SEED), SAMPLES),
        )
      ) {
        states++;
        const seen = observeIfImage(() => open(state.file));
        const isDone = state.point === recording.changes.length;
        if (seen === undefined && !isDone) continue;
        assertEquals(seen, whole, `seed ${SEED}, change ${state.point}: ${state.description()}`);
      }
      explored(`creating a ${subtype} ${format}`, { "crash states": states });
      assertGreater(states, sampledBound(recording.changes.length));
    });
  }
}

/** What is seen, or nothing where the file is refused as no image at all. */
function observeIfImage(open: () => DiskImage): ReturnType<typeof observe> | undefined {
  try {
    return observe(open());
  } catch (error) {
    if (error instanceof ImageError && NO_IMAGE.includes(error.symbol)) return undefined;
    throw error;
  }
}
