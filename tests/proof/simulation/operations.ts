/** All kinds of steps. */
import { CONTENTS } from "./contents.ts";
import { FILES } from "./files.ts";
import type { Operation } from "./operation.ts";
import { SHAPE } from "./shape.ts";

/** Of which a history chooses. */
export const OPERATIONS: readonly Operation[] = [...CONTENTS, ...SHAPE, ...FILES];
