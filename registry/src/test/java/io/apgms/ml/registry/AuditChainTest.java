package io.apgms.ml.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class AuditChainTest {
  private static final long SEED = 20261123;
  private static final Instant START = Instant.parse("2026-11-23T00:00:00.000001Z");

  private static List<AuditEntry> chain(int rows) {
    List<AuditEntry> chain = new ArrayList<>();
    AuditHead head = AuditHead.EMPTY;
    for (int i = 1; i <= rows; i++) {
      AuditRecord record =
          new AuditRecord("ann", "rollback", "credit-default", Map.of("n", i, "why", "drift ü"));
      AuditEntry entry = AuditChain.next(head, new UUID(7, i), START.plusSeconds(i), record);
      chain.add(entry);
      head = new AuditHead(entry.seq(), entry.hash());
    }
    return chain;
  }

  private static ChainCheck check(List<AuditEntry> rows, AuditHead... exported) {
    AuditChain chain = new AuditChain(List.of(exported).iterator());
    rows.forEach(chain::accept);
    return chain.end();
  }

  private static AuditHead headOf(List<AuditEntry> rows) {
    AuditEntry last = rows.get(rows.size() - 1);
    return new AuditHead(last.seq(), last.hash());
  }

  @Test
  void check_untouchedChain_isIntact() {
    List<AuditEntry> rows = chain(40);
    assertThat(check(rows, headOf(rows))).isEqualTo(new ChainCheck(40, null, null));
    assertThat(check(rows, headOf(rows.subList(0, 7))).intact()).isTrue();
    assertThat(check(rows, AuditHead.EMPTY).intact()).isTrue();
    assertThat(check(List.of()).intact()).isTrue();
  }

  @Test
  void hash_knownRow_isTheDocumentedLayout() {
    AuditEntry first = chain(1).get(0);
    assertThat(first.detail()).isEqualTo("{\"n\":1,\"why\":\"drift ü\"}");
    assertThat(first.prevHash()).isEqualTo("0".repeat(64));
    java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocate(200);
    bytes.put(new byte[32]).putLong(1).putLong(7).putLong(1);
    bytes.putLong(first.at().getEpochSecond() * 1_000_000 + 1);
    for (String s : List.of("ann", "rollback", "credit-default", first.detail())) {
      byte[] utf8 = s.getBytes(java.nio.charset.StandardCharsets.UTF_8);
      bytes.putInt(utf8.length).put(utf8);
    }
    byte[] used = java.util.Arrays.copyOf(bytes.array(), bytes.position());
    assertThat(first.hash()).isEqualTo(ArtifactStore.sha256(used));
  }

  @Test
  void check_thousandRandomEdits_areAllFoundWithTheExportedHead() {
    List<AuditEntry> rows = chain(40);
    AuditHead exported = headOf(rows);
    for (int i = 0; i < 1_000; i++) {
      SplittableRandom random = new SplittableRandom(SEED + i);
      List<AuditEntry> edited = edit(rows, random);
      ChainCheck found = check(edited, exported);
      assertThat(found.intact()).as("seed %d", SEED + i).isFalse();
      int firstChange = 0;
      while (firstChange < Math.min(edited.size(), 40)
          && edited.get(firstChange).equals(rows.get(firstChange))) {
        firstChange++;
      }
      // A rewrite that fits itself shows no earlier than at the exported head.
      assertThat(found.firstBadSeq()).as("seed %d", SEED + i).isBetween(firstChange + 1L, 41L);
    }
  }

  private static List<AuditEntry> edit(List<AuditEntry> rows, SplittableRandom random) {
    List<AuditEntry> edited = new ArrayList<>(rows);
    int i = random.nextInt(rows.size());
    int j = random.nextInt(rows.size());
    switch (random.nextInt(7)) {
      case 0 -> edited.set(i, changed(rows.get(i), random.nextInt(9), random));
      case 1 -> edited.set(i, rehashed(changed(rows.get(i), random.nextInt(8), random)));
      case 2 -> edited.remove(i);
      case 3 -> edited.subList(i, edited.size()).clear();
      case 4 -> Collections.swap(edited, i, i == j ? (i + 1) % rows.size() : j);
      case 5 -> edited.add(i, rows.get(j));
      default -> fork(edited, i, random);
    }
    return edited;
  }

  /** Rewrites a row and everything after it so that all rows fit each other again. */
  private static void fork(List<AuditEntry> rows, int from, SplittableRandom random) {
    AuditEntry first = rehashed(changed(rows.get(from), random.nextInt(8), random));
    // The row must still point back, else it is an edit that needs no head to be found.
    rows.set(from, rehashed(with(first, rows.get(from).seq(), rows.get(from).prevHash(), "bob")));
    for (int i = from + 1; i < rows.size(); i++) {
      AuditEntry e = rows.get(i);
      rows.set(i, rehashed(with(e, e.seq(), rows.get(i - 1).hash(), e.actor())));
    }
  }

  /** Field 8 is the hash itself, which is no change where the row is hashed again. */
  private static AuditEntry changed(AuditEntry e, int field, SplittableRandom random) {
    String other = "x" + random.nextLong();
    String hash = ArtifactStore.sha256(other.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    return switch (field) {
      case 0 -> with(e, e.seq() + 1 + random.nextInt(9), e.prevHash(), e.actor());
      case 1 -> with(e, e.seq(), hash, e.actor());
      case 2 -> with(e, e.seq(), e.prevHash(), other);
      case 8 -> AuditChain.withHash(e, hash);
      case 4 -> replace(e, e.id(), e.at(), other, e.subject(), e.detail());
      case 5 -> replace(e, e.id(), e.at(), e.action(), other, e.detail());
      case 6 -> replace(e, e.id(), e.at(), e.action(), e.subject(), e.detail() + " ");
      case 7 -> replace(e, e.id(), e.at().plusNanos(1_000), e.action(), e.subject(), e.detail());
      default -> replace(e, new UUID(1, 1), e.at(), e.action(), e.subject(), e.detail());
    };
  }

  private static AuditEntry with(AuditEntry e, long seq, String prevHash, String actor) {
    return new AuditEntry(
        seq, e.id(), e.at(), actor, e.action(), e.subject(), e.detail(), prevHash, e.hash());
  }

  private static AuditEntry replace(
      AuditEntry e, UUID id, Instant at, String action, String subject, String detail) {
    return new AuditEntry(
        e.seq(), id, at, e.actor(), action, subject, detail, e.prevHash(), e.hash());
  }

  private static AuditEntry rehashed(AuditEntry e) {
    return AuditChain.withHash(e, AuditChain.hash(e));
  }

  @Test
  void check_cutOrForkedChain_passesWithoutAHead() {
    List<AuditEntry> rows = chain(10);
    List<AuditEntry> cut = rows.subList(0, 8);
    assertThat(check(cut).intact()).isTrue();
    assertThat(check(cut, headOf(rows)).firstBadSeq()).isEqualTo(9);
    List<AuditEntry> forked = new ArrayList<>(rows);
    fork(forked, 4, new SplittableRandom(SEED));
    assertThat(check(forked).intact()).isTrue();
    assertThat(check(forked, headOf(rows)).firstBadSeq()).isEqualTo(10);
  }

  /** A head taken after the fork vouches for it: that is why all heads are kept. */
  @Test
  void check_forkedChain_isFoundByAHeadFromBeforeTheForkOnly() {
    List<AuditEntry> rows = chain(10);
    AuditHead before = headOf(rows.subList(0, 6));
    fork(rows, 4, new SplittableRandom(SEED));
    assertThat(check(rows, headOf(rows)).intact()).isTrue();
    assertThat(check(rows, before, headOf(rows)).firstBadSeq()).isEqualTo(6);
  }

  @Test
  void check_headsOutOfOrder_isNotIntact() {
    List<AuditEntry> rows = chain(10);
    AuditHead third = headOf(rows.subList(0, 3));
    AuditHead fifth = headOf(rows.subList(0, 5));
    assertThat(check(rows, AuditHead.EMPTY, third, third, fifth).intact()).isTrue();
    assertThat(check(rows, fifth, third).reason()).contains("out of order");
    assertThat(check(rows, new AuditHead(0, "a".repeat(64))).intact()).isFalse();
  }

  @Test
  void check_partAfterAHead_mustContinueIt() {
    List<AuditEntry> rows = chain(10);
    AuditChain part = new AuditChain(headOf(rows.subList(0, 4)), List.of(headOf(rows)).iterator());
    rows.subList(4, 10).forEach(part::accept);
    assertThat(part.end()).isEqualTo(new ChainCheck(10, null, null));
    AuditChain other =
        new AuditChain(new AuditHead(4, "a".repeat(64)), List.of(headOf(rows)).iterator());
    assertThat(other.accept(rows.get(4))).isFalse();
    assertThat(other.end().firstBadSeq()).isEqualTo(5);
  }

  @Test
  void hash_bytesMovedBetweenFields_differs() {
    AuditEntry e = chain(1).get(0);
    AuditEntry moved = replace(e, e.id(), e.at(), "rollbackc", "redit-default", e.detail());
    assertThat(AuditChain.hash(moved)).isNotEqualTo(e.hash());
  }

  @Test
  void next_detailKeysInAnyOrder_areSortedAndNullsLeftOut() {
    Map<String, Object> detail = new LinkedHashMap<>();
    detail.put("c", Map.of("z", 1.5));
    detail.put("a", null);
    detail.put("b", List.of(1, 2));
    AuditRecord record = new AuditRecord("ann", "x", "y", detail);
    assertThat(AuditChain.next(AuditHead.EMPTY, new UUID(1, 1), START, record).detail())
        .isEqualTo("{\"b\":[1,2],\"c\":{\"z\":1.5}}");
  }

  @Test
  void next_oversizedOrUnwritableRecord_isInvalid() {
    Map<String, Object> big = Map.of("x", "y".repeat(70_000));
    assertInvalid(() -> detailOf(big));
    assertInvalid(() -> detailOf(Map.of("x", new Object())));
    assertInvalid(() -> new AuditRecord("", "x", "y", Map.of()));
    assertInvalid(() -> new AuditRecord("a", "x\0", "y", Map.of()));
    assertInvalid(() -> new AuditRecord("a", "x", "y".repeat(256), Map.of()));
  }

  private static AuditEntry detailOf(Map<String, Object> detail) {
    AuditRecord record = new AuditRecord("ann", "x", "y", detail);
    return AuditChain.next(AuditHead.EMPTY, new UUID(1, 1), START, record);
  }

  private static void assertInvalid(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOf(RegistryException.Invalid.class);
  }
}
