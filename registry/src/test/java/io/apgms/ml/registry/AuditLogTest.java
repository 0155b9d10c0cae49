package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AuditLogTest {
  private TestDatabase database;
  private AuditLog audit;

  @BeforeEach
  void freshDatabase() {
    database = new TestDatabase();
    audit = database.registry.audit();
  }

  private static AuditRecord record(int n) {
    return new AuditRecord("ann", "test", "credit-default", Map.of("n", n, "text", "é😀\u0000"));
  }

  private void append(int rows) {
    for (int i = 1; i <= rows; i++) {
      get(audit.append(record(i)));
    }
  }

  @Test
  void append_fromManyAtOnce_isGaplessAndIntact() {
    List<Future<AuditEntry>> calls =
        IntStream.range(0, 40).mapToObj(i -> audit.append(record(i))).toList();
    List<Long> seqs = calls.stream().map(TestDatabase::get).map(AuditEntry::seq).sorted().toList();
    assertThat(seqs).isEqualTo(IntStream.rangeClosed(1, 40).mapToObj(i -> (long) i).toList());
    assertThat(get(audit.verify())).isEqualTo(new ChainCheck(40, null, null));
    List<AuditEntry> rows = get(audit.list(0, 500));
    assertThat(rows).isSortedAccordingTo(java.util.Comparator.comparing(AuditEntry::at));
    assertThat(rows).containsAll(calls.stream().map(TestDatabase::get).toList());
  }

  @Test
  void append_callersTransactionRolledBack_leavesNoRowAndNoGap() {
    append(1);
    assertThatThrownBy(
            () ->
                get(
                    database.pool.withTransaction(
                        c ->
                            audit
                                .append(c, record(2))
                                .compose(
                                    e -> Future.failedFuture(new IllegalStateException("no"))))))
        .hasMessage("no");
    assertThat(get(audit.append(record(3))).seq()).isEqualTo(2);
    assertThat(get(audit.verify()).intactRows()).isEqualTo(2);
  }

  @Test
  void append_twiceInOneTransaction_chainsBoth() {
    AuditEntry second =
        get(
            database.pool.withTransaction(
                c -> audit.append(c, record(1)).compose(e -> audit.append(c, record(2)))));
    assertThat(second.seq()).isEqualTo(2);
    assertThat(get(audit.head())).isEqualTo(new AuditHead(2, second.hash()));
    assertThat(get(audit.verify()).intact()).isTrue();
  }

  @Test
  void list_pages_followEachOther() {
    append(5);
    assertThat(get(audit.list(2, 2))).extracting(AuditEntry::seq).containsExactly(3L, 4L);
    assertThat(get(audit.list(5, 500))).isEmpty();
    for (int limit : new int[] {0, 501}) {
      assertThatThrownBy(() -> get(audit.list(0, limit)))
          .isInstanceOf(RegistryException.Invalid.class)
          .hasMessageContaining("expected 1 to 500");
    }
  }

  @Test
  void find_unknownId_isNotFound() {
    assertThatThrownBy(() -> get(audit.find(UUID.randomUUID())))
        .isInstanceOf(RegistryException.NotFound.class);
  }

  @Test
  void row_changedByOrdinarySql_isRefused() {
    append(1);
    for (String change :
        List.of(
            "UPDATE registry.audit_log SET actor = 'bob'",
            "DELETE FROM registry.audit_log",
            "TRUNCATE registry.audit_log CASCADE",
            "DELETE FROM registry.audit_head")) {
      assertThatThrownBy(() -> database.sql(change)).hasMessageContaining("is refused");
    }
    assertThat(get(audit.verify()).intactRows()).isEqualTo(1);
  }

  @Test
  void verify_moreRowsThanAPage_readsThemAll() {
    List<AuditRecord> records = IntStream.range(0, 1_100).mapToObj(AuditLogTest::record).toList();
    get(
        database.pool.withTransaction(
            c -> {
              Future<AuditEntry> last = Future.succeededFuture();
              for (AuditRecord r : records) {
                last = last.compose(e -> audit.append(c, r));
              }
              return last;
            }));
    assertThat(get(audit.verify()).intactRows()).isEqualTo(1_100);
    database.tamper("UPDATE registry.audit_log SET actor = 'bob' WHERE seq = 1077");
    assertThat(get(audit.verify()).firstBadSeq()).isEqualTo(1_077);
  }

  @Test
  void verify_everyColumnTampered_isFoundAtThatRow() {
    append(6);
    AuditEntry row = get(audit.list(3, 1)).get(0);
    for (String change :
        List.of(
            "id = gen_random_uuid()",
            "at = at + interval '1 microsecond'",
            "actor = 'bob'",
            "action = 'x'",
            "subject = 'x'",
            "detail = detail || ' '",
            "prev_hash = repeat('a', 64)",
            "hash = repeat('a', 64)",
            "seq = 99")) {
      TestDatabase fresh = new TestDatabase();
      for (int i = 1; i <= 6; i++) {
        get(fresh.registry.audit().append(record(i)));
      }
      fresh.tamper("UPDATE registry.audit_log SET " + change + " WHERE seq = " + row.seq());
      ChainCheck found = get(fresh.registry.audit().verify());
      assertThat(found.firstBadSeq()).as(change).isEqualTo(4);
      assertThat(found.intactRows()).as(change).isEqualTo(3);
    }
  }

  @Test
  void verify_deletedRow_isFound() {
    append(6);
    database.tamper("DELETE FROM registry.audit_log WHERE seq = 2");
    assertThat(get(audit.verify()).firstBadSeq()).isEqualTo(2);
  }

  @Test
  void verify_cutTail_isFoundByTheStoredHead() {
    append(6);
    database.tamper("DELETE FROM registry.audit_log WHERE seq > 4");
    ChainCheck found = get(audit.verify());
    assertThat(found.firstBadSeq()).isEqualTo(5);
    assertThat(found.reason()).contains("head is 6");
  }

  @Test
  void verify_cutTailWithItsHead_isFoundOnlyByTheExportedHead() {
    append(6);
    AuditHead exported = get(audit.head());
    cutTo4WithHead();
    assertThat(get(audit.verify()).intact()).as("the documented limit").isTrue();
    ChainCheck found = get(audit.verify(exported));
    assertThat(found.firstBadSeq()).isEqualTo(5);
    assertThat(found.reason()).contains("cut");
    append(5);
    assertThat(get(audit.verify()).intact()).isTrue();
    assertThat(get(audit.verify(exported)).firstBadSeq()).as("grown over").isEqualTo(6);
  }

  private void cutTo4WithHead() {
    database.tamper(
        "DELETE FROM registry.audit_log WHERE seq > 4; UPDATE registry.audit_head SET seq = 4,"
            + " hash = (SELECT hash FROM registry.audit_log WHERE seq = 4)");
  }

  @Test
  void verify_headTampered_isFound() {
    append(3);
    database.tamper("UPDATE registry.audit_head SET hash = repeat('a', 64)");
    assertThat(get(audit.verify()).firstBadSeq()).isEqualTo(3);
    database.tamper("DELETE FROM registry.audit_head");
    assertThat(get(audit.verify()).intact()).isFalse();
  }

  @Test
  void verify_rowBeyondTheHead_isFound() {
    append(3);
    database.tamper(
        "INSERT INTO registry.audit_log SELECT 4, gen_random_uuid(), at, actor, action, subject,"
            + " detail, hash, hash FROM registry.audit_log WHERE seq = 3");
    assertThat(get(audit.verify()).firstBadSeq()).isEqualTo(4);
  }

  @Test
  void verify_emptyLog_isIntact() {
    assertThat(get(audit.verify())).isEqualTo(new ChainCheck(0, null, null));
    assertThat(get(audit.verify(AuditHead.EMPTY)).intact()).isTrue();
  }
}
