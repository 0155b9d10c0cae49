package io.apgms.ml.registry;

import static io.apgms.ml.registry.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.pgclient.PgConnection;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DeploymentsTest {
  private static final TestDatabase DB = new TestDatabase();
  private static final Deployments DEPLOYMENTS = DB.registry.deployments();
  private static int count;

  private static final String A = "20261101";
  private static final String B = "20261108";
  private static final String C = "20261115";

  private String model;

  @BeforeEach
  void freshModel() {
    model = "model-" + ++count;
  }

  private static VersionDigest shipped(String version) {
    return new VersionDigest(version, digest(version), List.of("bias"));
  }

  static String digest(String version) {
    return "sha256:"
        + ArtifactStore.sha256(version.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  private void bootstrap(String... versions) {
    List<VersionDigest> all = Stream.of(versions).map(DeploymentsTest::shipped).toList();
    assertThat(get(DEPLOYMENTS.bootstrap(model, all, "shipped"))).isTrue();
  }

  private RollbackCommand command(Integer toRevision, String key) {
    return new RollbackCommand(model, "ann", "scores drift", toRevision, "INC-1", key, null);
  }

  private Change rollback() {
    return get(DEPLOYMENTS.rollback(command(null, null)));
  }

  private Change rollbackTo(int revision) {
    return get(DEPLOYMENTS.rollback(command(revision, null)));
  }

  private Pointer pointer() {
    return get(DB.registry.controlState()).pointer(model).orElseThrow();
  }

  private List<String> versions() {
    return get(DEPLOYMENTS.history(model)).stream().map(Deployment::version).toList();
  }

  @Test
  void bootstrap_freshModel_makesRevisionsWithAuditEach() {
    bootstrap(A, B);
    assertThat(pointer().revision()).isEqualTo(2);
    assertThat(pointer().version()).isEqualTo(B);
    assertThat(pointer().digest()).isEqualTo(digest(B));
    List<Deployment> history = get(DEPLOYMENTS.history(model));
    assertThat(versions()).containsExactly(B, A);
    for (Deployment d : history) {
      AuditEntry entry = get(DB.registry.audit().find(d.auditId()));
      assertThat(entry.action()).isEqualTo("bootstrap");
      assertThat(entry.subject()).isEqualTo(model);
      assertThat(entry.detail()).contains("\"gatesNotPassed\":[\"bias\"]").contains(d.digest());
      assertThat(entry.at()).isEqualTo(d.at());
    }
  }

  @Test
  void bootstrap_fourReplicasAtOnce_oneDoesIt() {
    List<VersionDigest> shipped = List.of(shipped(A), shipped(B));
    List<Future<Boolean>> calls =
        IntStream.range(0, 4).mapToObj(i -> DEPLOYMENTS.bootstrap(model, shipped, "x")).toList();
    assertThat(calls.stream().map(TestDatabase::get).filter(done -> done)).hasSize(1);
    assertThat(versions()).containsExactly(B, A);
    assertThat(get(DEPLOYMENTS.bootstrap(model, List.of(shipped(C)), "again"))).isFalse();
    assertThat(pointer().version()).isEqualTo(B);
  }

  @Test
  void bootstrap_wrongArguments_areInvalid() {
    assertInvalid(DEPLOYMENTS.bootstrap(model, List.of(), "x"));
    assertInvalid(DEPLOYMENTS.bootstrap(model, List.of(shipped(A), shipped(A)), "x"));
    assertInvalid(DEPLOYMENTS.bootstrap("../x", List.of(shipped(A)), "x"));
    assertInvalid(DEPLOYMENTS.bootstrap(model, List.of(shipped(A)), " "));
  }

  @Test
  void rollback_withoutRevision_restoresThePreviousAndIsAudited() {
    bootstrap(A, B);
    Change change = rollback();
    assertThat(change.from()).isEqualTo(B);
    assertThat(change.to()).isEqualTo(A);
    assertThat(change.toDigest()).isEqualTo(digest(A));
    assertThat(change.revision()).isEqualTo(3);
    assertThat(change.replayed()).isFalse();
    assertThat(pointer().version()).isEqualTo(A);
    Deployment made = get(DEPLOYMENTS.history(model)).get(0);
    assertThat(made.kind()).isEqualTo(Deployment.Kind.rollback);
    assertThat(made.rolledBackFrom()).isEqualTo(B);
    assertThat(made.incident()).isEqualTo("INC-1");
    AuditEntry entry = get(DB.registry.audit().find(change.auditId()));
    assertThat(entry.actor()).isEqualTo("ann");
    assertThat(entry.detail())
        .isEqualTo(
            "{\"digest\":\""
                + digest(A)
                + "\",\"from\":\""
                + B
                + "\",\"incident\":\"INC-1\",\"reason\":\"scores drift\",\"restores\":1,"
                + "\"revision\":3,\"to\":\""
                + A
                + "\"}");
  }

  @Test
  void rollback_again_neverReturnsToARolledBackVersion() {
    bootstrap(A, B, C);
    assertThat(rollback().to()).isEqualTo(B);
    assertThat(rollback().to()).isEqualTo(A);
    assertConflict(DEPLOYMENTS.rollback(command(null, null)), "name a revision");
    assertThat(versions()).containsExactly(A, B, C, B, A);
  }

  @Test
  void rollback_toNamedRevision_mayReturnToARolledBackVersion() {
    bootstrap(A, B, C);
    rollback();
    assertThat(rollbackTo(3).to()).isEqualTo(C);
    assertThat(rollback().to()).as("B was left as bad, so A is next").isEqualTo(A);
  }

  @Test
  void rollback_toActiveVersion_isConflict() {
    bootstrap(A, B);
    assertConflict(DEPLOYMENTS.rollback(command(2, null)), "active already");
  }

  @Test
  void rollback_nothingEarlier_isConflict() {
    bootstrap(A);
    assertConflict(DEPLOYMENTS.rollback(command(null, null)), "no earlier version");
    assertThat(pointer().revision()).isEqualTo(1);
  }

  @Test
  void rollback_unknownModelOrRevision_isNotFound() {
    assertThatThrownBy(this::rollback).isInstanceOf(RegistryException.NotFound.class);
    bootstrap(A, B);
    assertThatThrownBy(() -> rollbackTo(9))
        .isInstanceOf(RegistryException.NotFound.class)
        .hasMessageContaining("revision 9");
  }

  @Test
  void rollback_withoutReason_isInvalid() {
    assertThatThrownBy(() -> new RollbackCommand(model, "ann", " ", null, null, null, null))
        .isInstanceOf(RegistryException.Invalid.class)
        .hasMessageContaining("reason");
    assertThatThrownBy(() -> new RollbackCommand("A/B", "ann", "r", null, null, null, null))
        .isInstanceOf(RegistryException.Invalid.class);
    assertThatThrownBy(
            () -> new RollbackCommand(model, "ann", "x".repeat(2001), null, null, null, null))
        .isInstanceOf(RegistryException.Invalid.class);
    assertThatThrownBy(() -> new RollbackCommand(model, "ann", "\0x", null, null, null, null))
        .isInstanceOf(RegistryException.Invalid.class);
  }

  @Test
  void rollback_retriedWithKey_rollsBackOnce() {
    bootstrap(A, B, C);
    String key = model + "-key";
    Change first = get(DEPLOYMENTS.rollback(command(null, key)));
    Change second = get(DEPLOYMENTS.rollback(command(null, key)));
    assertThat(second.replayed()).isTrue();
    assertThat(second)
        .isEqualTo(new Change(model, 4, C, B, first.toDigest(), first.auditId(), true));
    assertThat(pointer().revision()).isEqualTo(4);
    assertThat(get(DEPLOYMENTS.rollbackTarget(command(null, key))).revision()).isEqualTo(4);
  }

  @Test
  void rollback_retriedByAnotherActorAfterLaterChanges_stillReplays() {
    bootstrap(A, B, C);
    String key = model + "-key";
    get(DEPLOYMENTS.rollback(command(null, key)));
    rollback();
    RollbackCommand retry =
        new RollbackCommand(model, "bob", "scores drift", null, "INC-1", key, digest(C));
    assertThat(get(DEPLOYMENTS.rollback(retry)).revision()).isEqualTo(4);
    assertThat(pointer().revision()).isEqualTo(5);
  }

  @Test
  void rollback_sameKeyOtherBody_isKeyReused() {
    bootstrap(A, B, C);
    String key = model + "-key";
    get(DEPLOYMENTS.rollback(command(null, key)));
    assertThatThrownBy(() -> get(DEPLOYMENTS.rollback(command(1, key))))
        .isInstanceOf(RegistryException.KeyReused.class);
    freshModel();
    bootstrap(A, B);
    assertThatThrownBy(() -> get(DEPLOYMENTS.rollback(command(null, key))))
        .isInstanceOf(RegistryException.KeyReused.class);
    assertThat(pointer().revision()).isEqualTo(2);
  }

  @Test
  void rollback_sameKeyTwiceAtOnce_makesOneRevision() {
    bootstrap(A, B, C);
    RollbackCommand command = command(null, model + "-key");
    List<Future<Change>> calls =
        IntStream.range(0, 4).mapToObj(i -> DEPLOYMENTS.rollback(command)).toList();
    List<Change> changes = calls.stream().map(TestDatabase::get).toList();
    assertThat(changes).allMatch(c -> c.revision() == 4 && c.to().equals(B));
    assertThat(changes.stream().filter(c -> !c.replayed())).hasSize(1);
    assertThat(pointer().revision()).isEqualTo(4);
  }

  @Test
  void rollback_twoAtOnceForTheSameTarget_secondIsConflict() {
    bootstrap(A, B, C);
    Deployment target = get(DEPLOYMENTS.rollbackTarget(command(null, null)));
    assertThat(target.version()).isEqualTo(B);
    RollbackCommand command = command(null, null).withTargetDigest(target.digest());
    List<Future<Change>> calls =
        List.of(DEPLOYMENTS.rollback(command), DEPLOYMENTS.rollback(command));
    assertThat(calls.stream().filter(DeploymentsTest::succeeds)).hasSize(1);
    Future<Change> loser = calls.stream().filter(f -> f.failed()).findFirst().orElseThrow();
    assertConflict(loser, "the verified artifact has");
    assertThat(pointer().version()).isEqualTo(B);
    assertThat(pointer().revision()).isEqualTo(4);
  }

  @Test
  void rollback_twoAtOnceWithTwoVersions_secondIsConflict() {
    bootstrap(A, B);
    List<Future<Change>> calls =
        List.of(DEPLOYMENTS.rollback(command(null, null)), DEPLOYMENTS.rollback(command(1, null)));
    assertThat(calls.stream().filter(DeploymentsTest::succeeds)).hasSize(1);
    assertThat(pointer().revision()).isEqualTo(3);
  }

  private static boolean succeeds(Future<Change> call) {
    try {
      get(call);
      return true;
    } catch (RegistryException.Conflict e) {
      return false;
    }
  }

  @Test
  void pin_earlierVersion_holdsAgainstRollback() {
    bootstrap(A, B);
    Change pinned = get(DEPLOYMENTS.pin(model, A, digest(A), "ann", "hold it"));
    assertThat(pinned.revision()).isEqualTo(3);
    assertThat(pinned.to()).isEqualTo(A);
    assertThat(pointer().pin().reason()).isEqualTo("hold it");
    assertThat(pointer().pin().actor()).isEqualTo("ann");
    assertConflict(DEPLOYMENTS.rollback(command(2, null)), "remove the pin first");
    Change again = get(DEPLOYMENTS.pin(model, A, digest(A), "bob", "hold it too"));
    assertThat(again.replayed()).isTrue();
    assertThat(again.auditId()).isEqualTo(pinned.auditId());
    assertThat(pointer().revision()).isEqualTo(3);
  }

  @Test
  void unpin_pinnedModel_keepsTheVersionAndAllowsRollback() {
    bootstrap(A, B, C);
    get(DEPLOYMENTS.pin(model, B, digest(B), "ann", "hold it"));
    AuditEntry entry = get(DEPLOYMENTS.unpin(model, "ann", "over"));
    assertThat(entry.action()).isEqualTo("unpin");
    assertThat(entry.detail()).isEqualTo("{\"reason\":\"over\",\"version\":\"" + B + "\"}");
    assertThat(pointer().version()).isEqualTo(B);
    assertThat(pointer().pin()).isNull();
    assertThat(rollback().to()).as("C was left by the pin").isEqualTo(A);
  }

  @Test
  void pin_activeVersion_makesARevisionWithoutLeavingIt() {
    bootstrap(A, B);
    assertThat(get(DEPLOYMENTS.pin(model, B, digest(B), "ann", "hold")).revision()).isEqualTo(3);
    get(DEPLOYMENTS.unpin(model, "ann", "over"));
    assertThat(rollback().to()).isEqualTo(A);
  }

  @Test
  void pin_neverActiveOrOtherDigest_isConflict() {
    bootstrap(A, B);
    assertConflict(DEPLOYMENTS.pin(model, C, digest(C), "ann", "x"), "never active");
    assertConflict(DEPLOYMENTS.pin(model, A, digest(C), "ann", "x"), "expected " + digest(A));
    assertThat(pointer().revision()).isEqualTo(2);
  }

  @Test
  void unpin_notPinned_isNotFoundAndLeavesNoAudit() {
    bootstrap(A);
    AuditHead before = get(DB.registry.audit().head());
    assertThatThrownBy(() -> get(DEPLOYMENTS.unpin(model, "ann", "x")))
        .isInstanceOf(RegistryException.NotFound.class);
    assertThat(get(DB.registry.audit().head())).isEqualTo(before);
  }

  @Test
  void activeAt_timesBetweenRevisions_nameWhatServed() {
    bootstrap(A, B);
    rollback();
    List<Deployment> history = get(DEPLOYMENTS.history(model));
    for (Deployment d : history) {
      assertThat(get(DEPLOYMENTS.activeAt(model, d.at()))).isEqualTo(d);
    }
    Instant before = history.get(0).at().minusNanos(1_000);
    assertThat(get(DEPLOYMENTS.activeAt(model, before)).version()).isEqualTo(B);
    assertThatThrownBy(
            () -> get(DEPLOYMENTS.activeAt(model, history.get(2).at().minusNanos(1_000))))
        .isInstanceOf(RegistryException.NotFound.class);
  }

  @Test
  void rollback_committed_notifiesListeners() {
    bootstrap(A, B);
    Promise<String> heard = Promise.promise();
    PgConnection listener = (PgConnection) get(DB.pool.getConnection());
    listener.notificationHandler(n -> heard.tryComplete(n.getChannel() + " " + n.getPayload()));
    get(listener.query("LISTEN " + RegistryDatabase.CHANNEL).execute());
    rollback();
    assertThat(get(heard.future())).isEqualTo("registry_changed " + model + ":3");
    get(listener.query("UNLISTEN *").execute().compose(x -> listener.close()));
  }

  @Test
  void deploymentRow_changedOrDeleted_isRefused() {
    bootstrap(A, B);
    for (String change :
        List.of(
            "UPDATE registry.deployment SET reason = 'x'",
            "DELETE FROM registry.deployment",
            "TRUNCATE registry.deployment CASCADE")) {
      assertThatThrownBy(() -> DB.sql(change)).hasMessageContaining("rows are only ever added");
    }
  }

  private static void assertInvalid(Future<?> call) {
    assertThatThrownBy(() -> get(call)).isInstanceOf(RegistryException.Invalid.class);
  }

  private static void assertConflict(Future<?> call, String text) {
    assertThatThrownBy(() -> get(call))
        .isInstanceOf(RegistryException.Conflict.class)
        .hasMessageContaining(text);
  }
}
