/**
 * A metadata item of a VHDX, as it goes from one file to another.
 *
 * @module
 */

/** What the table of a file says of an item, but for its place. */
export interface ItemDescription {
  /** Lower case. */
  readonly id: string;
  /** Bytes. */
  readonly length: number;
  /** Of a user of the disk, not of the format: such items have a name space of their own. */
  readonly isUser: boolean;
  /** Describes the disk, not the file: a child inherits it, and a merge brings it to the parent. */
  readonly isVirtualDisk: boolean;
  /** A reader that does not know the item must refuse the file. */
  readonly isRequired: boolean;
  /** Bits that have no meaning: of the flags, and of the field behind them. They are kept as they are. */
  readonly reserved?: { readonly flags: number; readonly field: number };
}

/** An item beside those that the format gives a meaning in its file. */
export interface CopyableItem extends ItemDescription {
  /** Its bytes, while the file is open and the item there. */
  read(): Uint8Array<ArrayBuffer>;
}
