/** Who made an image, and when, as far as it says so itself. */
export interface ImageOrigin {
  /** A name and a version, as the maker wrote them. */
  readonly creator?: string;
  /** ISO 8601, in UTC. */
  readonly created?: string;
}
