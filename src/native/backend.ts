/**
 * The face of the native backend: what the doors ask of it.
 *
 * @module
 */
export { nativeCreateRequest } from "./create_request.ts";
export { listAttachedDisks, queryDependencies, queryDependencyKinds } from "./dependencies.ts";
export { diagnoseNative } from "./diagnose.ts";
export { systemLibraries } from "./ffi/library.ts";
export { createNative, openNative, openNativeAsync } from "./native_disk.ts";
