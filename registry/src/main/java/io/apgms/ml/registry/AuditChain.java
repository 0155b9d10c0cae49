package io.apgms.ml.registry;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** The hash chain without the database: makes rows, and checks rows given in order. One thread. */
public final class AuditChain {
  private static final int MAX_DETAIL_BYTES = 64 << 10;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
          .build();

  private final Iterator<AuditHead> heads;
  private @Nullable AuditHead due;
  private AuditHead reached;
  private @Nullable ChainCheck broken;

  /**
   * @param heads of this chain from earlier times, kept outside, in their order: each must be
   *     found; with none, only how the rows fit each other is checked
   */
  public AuditChain(Iterator<AuditHead> heads) {
    this(AuditHead.EMPTY, heads);
  }

  /**
   * Checks the part of a chain that follows a head.
   *
   * @param heads at or after {@code start}
   */
  public AuditChain(AuditHead start, Iterator<AuditHead> heads) {
    this.reached = start;
    this.heads = heads;
    passHeads();
  }

  static AuditEntry next(AuditHead head, UUID id, Instant at, AuditRecord record) {
    AuditEntry open =
        new AuditEntry(
            head.seq() + 1,
            id,
            at,
            record.actor(),
            record.action(),
            record.subject(),
            canonicalDetail(record),
            head.hash(),
            "");
    return withHash(open, hash(open));
  }

  static AuditEntry withHash(AuditEntry e, String hash) {
    return new AuditEntry(
        e.seq(),
        e.id(),
        e.at(),
        e.actor(),
        e.action(),
        e.subject(),
        e.detail(),
        e.prevHash(),
        hash);
  }

  private static String canonicalDetail(AuditRecord record) {
    try {
      String detail = JSON.writeValueAsString(record.detail());
      int bytes = detail.getBytes(StandardCharsets.UTF_8).length;
      if (bytes > MAX_DETAIL_BYTES) {
        throw new RegistryException.Invalid(
            "audit detail has " + bytes + " bytes, expected at most " + MAX_DETAIL_BYTES);
      }
      return detail;
    } catch (JsonProcessingException e) {
      throw new RegistryException.Invalid("audit detail is no JSON value: " + e.getClass());
    }
  }

  /** SHA-256 over everything of the row but its own hash; the layout is {@link AuditEntry}'s. */
  static String hash(AuditEntry e) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.write(HexFormat.of().parseHex(e.prevHash()));
      out.writeLong(e.seq());
      out.writeLong(e.id().getMostSignificantBits());
      out.writeLong(e.id().getLeastSignificantBits());
      out.writeLong(ChronoUnit.MICROS.between(Instant.EPOCH, e.at()));
      for (String field : new String[] {e.actor(), e.action(), e.subject(), e.detail()}) {
        byte[] utf8 = field.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
      }
    } catch (IOException io) {
      throw new UncheckedIOException("memory can always be written", io);
    }
    return ArtifactStore.sha256(bytes.toByteArray());
  }

  /** Takes the next row; false once the chain is broken, after which rows are ignored. */
  public boolean accept(AuditEntry e) {
    if (broken != null) {
      return false;
    }
    long expected = reached.seq() + 1;
    if (e.seq() != expected) {
      return fail(expected, "found seq " + e.seq() + ", expected " + expected);
    }
    if (!e.prevHash().equals(reached.hash())) {
      return fail(expected, "prev_hash is not the hash of the row before");
    }
    if (!e.hash().equals(hash(e))) {
      return fail(expected, "hash does not match the row");
    }
    AuditHead before = reached;
    reached = new AuditHead(e.seq(), e.hash());
    if (!passHeads()) {
      reached = before;
      return false;
    }
    return true;
  }

  /**
   * Compares the row reached with every exported head that stands at it or, out of order, below.
   */
  private boolean passHeads() {
    while (due != null || heads.hasNext()) {
      AuditHead head = due == null ? heads.next() : due;
      due = head;
      if (head.seq() > reached.seq()) {
        return true;
      }
      if (!head.equals(reached)) {
        return fail(
            head.seq(),
            head.seq() == reached.seq()
                ? "the log was rewritten: hash differs from the exported head"
                : "the exported heads are out of order, expected each seq at or after the last");
      }
      due = null;
    }
    return true;
  }

  /** The newest row accepted. */
  public AuditHead reached() {
    return reached;
  }

  /** Call after the last row: an exported head that was never reached means a cut log. */
  public ChainCheck end() {
    if (broken == null && due != null) {
      fail(reached.seq() + 1, "missing: the log was cut, the exported head is " + due.seq());
    }
    return broken != null ? broken : new ChainCheck(reached.seq(), null, null);
  }

  private boolean fail(long seq, String reason) {
    broken = new ChainCheck(reached.seq(), seq, reason);
    return false;
  }
}
