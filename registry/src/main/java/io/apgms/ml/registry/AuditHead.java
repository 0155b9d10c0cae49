package io.apgms.ml.registry;

/**
 * The end of the audit chain. Exported to a place the database's owner cannot write, it is what
 * shows a cut or rewritten log.
 *
 * @param seq of the newest row, 0 when there is none
 * @param hash of that row, 64 zeros when there is none
 */
public record AuditHead(long seq, String hash) {
  /** The head of an empty log. */
  public static final AuditHead EMPTY = new AuditHead(0, "0".repeat(64));
}
