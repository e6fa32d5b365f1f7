/**
 * The promise: every flushed byte is there; a sector written since the last flush is old or new; nothing
 * else has changed; and a disk that changed is known by another identifier (VHDX).
 */
import type { Observation } from "./observation.ts";
import { FOREIGN, ZEROS } from "./stamp.ts";

/** What happened to a disk, as far as it matters to the promise. Sectors have 512 bytes. */
export type DiskEvent =
  /** It is about to be opened for writing. */
  | { readonly kind: "opening"; readonly identifier: string }
  | { readonly kind: "write"; readonly first: number; readonly count: number; version: number }
  | { readonly kind: "trim"; readonly first: number; readonly count: number }
  /** What sectors read as now, where that is not known beforehand. */
  | { readonly kind: "seen"; readonly first: number; readonly versions: Uint32Array }
  | { readonly kind: "attribute"; readonly name: string; readonly value: string | undefined }
  | { readonly kind: "flushed" };

/** Follows the events, and knows at each moment what a crash may leave. */
export class Oracle {
  readonly #versions: Uint32Array;
  /** By sector written since the last flush: all that it may be. */
  readonly #unflushed: Map<number, number[]>;
  readonly #attributes: Map<string, string | undefined>;
  readonly #unflushedAttributes: Map<string, (string | undefined)[]>;
  readonly #changesIdentifier: boolean;
  /** What the disk was, or may have been, when it was opened. */
  #opened:
    | { identifier: string; versions: Uint32Array; unflushed: Map<number, number[]> }
    | undefined;

  /**
   * @param seen What the disk is.
   * @param changesIdentifier Whether writing gives the disk another identifier.
   * @param earlier Knows what of it is not flushed yet. Default: all of it is.
   */
  constructor(seen: Observation, changesIdentifier: boolean, earlier?: Oracle) {
    this.#versions = seen.versions.slice();
    this.#attributes = new Map(seen.attributes);
    this.#changesIdentifier = changesIdentifier;
    this.#unflushed = earlier === undefined ? new Map() : structuredClone(earlier.#unflushed);
    this.#unflushedAttributes = earlier === undefined
      ? new Map()
      : structuredClone(earlier.#unflushedAttributes);
  }

  apply(event: DiskEvent): void {
    switch (event.kind) {
      case "opening":
        this.#opened = {
          identifier: event.identifier,
          versions: this.#versions.slice(),
          unflushed: structuredClone(this.#unflushed),
        };
        break;
      case "write":
        for (let i = event.first; i < event.first + event.count; i++) {
          this.#allow(i, event.version);
          this.#versions[i] = event.version;
        }
        break;
      case "trim":
        for (let i = event.first; i < event.first + event.count; i++) this.#allow(i, ZEROS);
        break;
      case "seen":
        event.versions.forEach((version, i) => this.#versions[event.first + i] = version);
        break;
      case "attribute": {
        const { name, value } = event;
        const allowed = this.#unflushedAttributes.get(name) ?? [this.#attributes.get(name)];
        this.#unflushedAttributes.set(name, [...allowed, value]);
        this.#attributes.set(name, value);
        break;
      }
      case "flushed":
        this.#unflushed.clear();
        this.#unflushedAttributes.clear();
    }
  }

  /**
   * Throws where what is seen after a crash breaks the promise.
   *
   * @param wasKilled Whether the process was killed rather than the machine stopped. Storage writes whole sectors, but
   * Linux may end the write of a killed process in the middle of one: where a page of the process's memory is missing
   * for a moment, as while memory is moved together. (Linux 6.18: of 2000 kills of a plain write, out of an unaligned
   * buffer whose pages came and went, 51 tore a sector.) Such a sector is a piece each of two that it may be.
   */
  check(seen: Observation, wasKilled = false): void {
    const { versions, torn } = seen;
    if (versions.length !== this.#versions.length) {
      throw new Error(`the disk has ${versions.length} sectors, not ${this.#versions.length}`);
    }
    for (let i = 0; i < versions.length; i++) {
      if (versions[i] === this.#versions[i]) continue;
      const allowed = this.#unflushed.get(i);
      if (allowed?.includes(versions[i]!)) continue;
      if (wasKilled && torn.get(i)?.every((version) => allowed?.includes(version))) continue;
      throw new Error(this.#describe(versions, i));
    }
    this.#checkAttributes(seen.attributes);
    this.#checkIdentifier(seen);
  }

  /** Throws unless exactly the newest contents are seen, as an open disk must give them. */
  checkNewest(seen: Observation): void {
    const different = seen.versions.findIndex((version, i) => version !== this.#versions[i]);
    if (different >= 0) {
      throw new Error(
        `sector ${different} of the open disk reads as ${name(seen.versions[different])}, ` +
          `but was written as ${name(this.#versions[different])}`,
      );
    }
  }

  #allow(sector: number, version: number): void {
    const allowed = this.#unflushed.get(sector);
    if (allowed === undefined) this.#unflushed.set(sector, [this.#versions[sector]!, version]);
    else allowed.push(version);
  }

  #checkAttributes(seen: ReadonlyMap<string, string>): void {
    for (const attribute of new Set([...seen.keys(), ...this.#attributes.keys()])) {
      const allowed = this.#unflushedAttributes.get(attribute) ??
        [this.#attributes.get(attribute)];
      if (allowed.includes(seen.get(attribute))) continue;
      throw new Error(
        `${attribute} is ${seen.get(attribute)}, allowed is ${allowed.join(" or ")}`,
      );
    }
  }

  #checkIdentifier({ versions, identifier }: Observation): void {
    if (!this.#changesIdentifier || this.#opened?.identifier !== identifier) return;
    const { versions: before, unflushed } = this.#opened;
    const changed = versions.findIndex((version, i) =>
      version !== before[i] && !unflushed.get(i)?.includes(version)
    );
    if (changed < 0) return;
    throw new Error(`sector ${changed} has changed, but the disk's identifier has not`);
  }

  #describe(versions: Uint32Array, sector: number): string {
    const allowed = this.#unflushed.get(sector) ?? [this.#versions[sector]!];
    let end = sector;
    while (end < versions.length && versions[end] === versions[sector]) end++;
    return `sector ${sector} reads as ${name(versions[sector])} (so do all up to ${end - 1}), ` +
      `allowed is ${[...new Set(allowed)].map(name).join(" or ")}` +
      (this.#unflushed.has(sector) ? "" : " (flushed, or never written)");
  }
}

function name(version: number | undefined): string {
  if (version === FOREIGN) return "bytes that were never written there";
  return version === ZEROS ? "zeros" : `version ${version}`;
}
