/**
 * The one part of the driver that is used without being in its public types: what its own insertMany hands to a command in
 * place of an array of documents. The driver's version is pinned; one that has it no more does not start.
 */
declare module 'mongodb/lib/cmap/commands.js' {
  /** A section of documents that are bytes already (OP_MSG, kind 1), as the field of a command. */
  export class DocumentSequence {
    constructor(field: string);
    /** `bytes` of one document, or of several without a gap. */
    push(document: object, bytes: Uint8Array): number;
  }
}
