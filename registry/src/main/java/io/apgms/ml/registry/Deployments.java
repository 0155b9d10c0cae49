package io.apgms.ml.registry;

import io.apgms.ml.registry.Deployment.Kind;
import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which version of each model is active, and every revision that led there.
 *
 * <p>Each change is one transaction: row lock on the model's pointer, the end of a trial that runs,
 * audit row, revision, pointer by compare-and-set, notification on {@code registry_changed} with
 * {@code model:revision}. Failed futures carry a {@link RegistryException}; after {@link
 * RegistryException.Unavailable} a change may have been made.
 */
public final class Deployments {
  private static final int MAX_BOOTSTRAP = 100;

  private final Database db;
  private final AuditLog audit;

  Deployments(Database db, AuditLog audit) {
    this.db = db;
    this.audit = audit;
  }

  /**
   * Enters the shipped versions of a model that has none as revisions 1 to n, the last one active.
   * Several replicas may call it at once: one does it.
   *
   * @param oldestFirst 1 to 100 versions, each once
   * @param note why, for the audit log
   * @return whether this call did it; false when the model has a pointer already
   */
  public Future<Boolean> bootstrap(String model, List<VersionDigest> oldestFirst, String note) {
    return Future.succeededFuture()
        .compose(
            v -> {
              Names.requireModel(model);
              Text.require("note", note, Text.MAX_REASON);
              List<VersionDigest> versions = requireDistinct(oldestFirst);
              return db.write(c -> bootstrap(c, model, versions, note));
            });
  }

  private static List<VersionDigest> requireDistinct(List<VersionDigest> versions) {
    if (versions.isEmpty() || versions.size() > MAX_BOOTSTRAP) {
      throw new RegistryException.Invalid(
          versions.size() + " versions, expected 1 to " + MAX_BOOTSTRAP);
    }
    Set<String> seen = new HashSet<>();
    for (VersionDigest v : versions) {
      if (!seen.add(v.version())) {
        throw new RegistryException.Invalid(
            "version " + v.version() + " stands twice, expected each once");
      }
    }
    return List.copyOf(versions);
  }

  // The pointer is inserted first: the unique row is what makes concurrent callers wait.
  private Future<Boolean> bootstrap(
      SqlConnection c, String model, List<VersionDigest> versions, String note) {
    VersionDigest last = versions.get(versions.size() - 1);
    return DeploymentTable.insertPointer(c, model, versions.size(), last)
        .compose(
            first ->
                first
                    ? bootstrapAll(c, model, versions, note).map(true)
                    : Future.succeededFuture(false));
  }

  private Future<Void> bootstrapAll(
      SqlConnection c, String model, List<VersionDigest> versions, String note) {
    Future<Void> done = Future.succeededFuture();
    for (int i = 0; i < versions.size(); i++) {
      VersionDigest v = versions.get(i);
      String from = i == 0 ? null : versions.get(i - 1).version();
      Draft draft =
          new Draft(
              model, i + 1, v.version(), v.digest(), Kind.bootstrap, from, null, "system", note);
      Map<String, @Nullable Object> detail = draft.detail();
      detail.put("gatesNotPassed", v.gatesNotPassed());
      done = done.compose(x -> record(c, draft, detail, null)).mapEmpty();
    }
    return done.compose(x -> Database.announce(c, model + ":" + versions.size()));
  }

  /** The newest 1,000 revisions of a model, newest first; empty for an unknown model. */
  public Future<List<Deployment>> history(String model) {
    return db.read(
        DeploymentTable.NEWEST_FIRST,
        Tuple.of(model),
        rows -> Rows.list(rows, DeploymentTable::deployment));
  }

  /** The newest revision that made a version active; NotFound where none ever did. */
  public Future<Deployment> served(String model, String version) {
    return db.write(c -> DeploymentTable.ofVersion(c, model, version))
        .map(
            found ->
                found.orElseThrow(
                    () ->
                        new RegistryException.NotFound(
                            "version " + version + " of model " + model + " was never active")));
  }

  /** The revision that was active at a time; NotFound before the first one. */
  public Future<Deployment> activeAt(String model, Instant at) {
    return db.read(
            DeploymentTable.SERVING_AT,
            Tuple.of(model, Rows.offset(at)),
            rows -> Rows.first(rows, DeploymentTable::deployment))
        .map(
            found ->
                found.orElseThrow(
                    () ->
                        new RegistryException.NotFound(
                            "model " + model + " had no active version at " + at)));
  }

  /**
   * The revision {@link #rollback} would restore, so that its artifact can be verified first: then
   * pass its digest as the command's target digest. For a key that was used, the revision it made.
   * Fails as {@link #rollback} would.
   */
  public Future<Deployment> rollbackTarget(RollbackCommand command) {
    return db.write(c -> plan(c, command)).map(Plan::target);
  }

  /**
   * Makes the version of an earlier revision active again, as a new revision.
   *
   * <p>Without a revision: the newest version that was not itself rolled back from since it last
   * became active; naming a revision may return to such a one. Conflict when there is nothing to go
   * back to, the version is active already, the target is not the one verified, or the model is
   * pinned (a pin holds against rollbacks too: unpin first). NotFound for an unknown model or
   * revision, KeyReused for a key that came with another request.
   */
  public Future<Change> rollback(RollbackCommand command) {
    return db.write(
        c ->
            plan(c, command)
                .compose(
                    plan ->
                        plan.replayed()
                            ? Future.succeededFuture(Change.of(plan.target(), true))
                            : rollBack(c, command, plan)));
  }

  /** What a rollback will do, decided under the pointer's lock. */
  private record Plan(Pointer from, Deployment target, boolean replayed) {}

  private Future<Plan> plan(SqlConnection c, RollbackCommand command) {
    return DeploymentTable.lockPointer(c, command.model())
        .compose(
            active ->
                DeploymentTable.byKey(c, command.idempotencyKey(), command.bodyHash())
                    .compose(
                        made ->
                            made.isPresent()
                                ? Future.succeededFuture(new Plan(active, made.get(), true))
                                : target(c, command, active)
                                    .map(target -> new Plan(active, target, false))));
  }

  private static Future<Deployment> target(SqlConnection c, RollbackCommand command, Pointer on) {
    RollbackRules.requireUnpinned(on);
    Integer named = command.toRevision();
    Future<Deployment> found =
        named != null
            ? DeploymentTable.revision(c, on.model(), named)
            : DeploymentTable.newestFirst(c, on.model())
                .map(history -> RollbackRules.lastGood(history, on));
    return found.map(
        target -> {
          RollbackRules.requireOther(target, on);
          RollbackRules.requireVerified(target, command.targetDigest());
          return target;
        });
  }

  private Future<Change> rollBack(SqlConnection c, RollbackCommand command, Plan plan) {
    Pointer from = plan.from();
    Deployment target = plan.target();
    Draft draft =
        new Draft(
            from.model(),
            from.revision() + 1,
            target.version(),
            target.digest(),
            Kind.rollback,
            from.version(),
            from.version(),
            command.actor(),
            command.reason());
    Map<String, @Nullable Object> detail = draft.detail();
    detail.put("restores", target.revision());
    detail.put("incident", command.incident());
    return deploy(c, from, draft, detail, command);
  }

  private Future<Change> deploy(
      SqlConnection c,
      Pointer from,
      Draft draft,
      Map<String, @Nullable Object> detail,
      @Nullable RollbackCommand command) {
    String why = draft.kind() + ": " + draft.version();
    return Trials.stop(c, audit, draft.model(), draft.actor(), why)
        .compose(ended -> record(c, draft, detail, command))
        .compose(made -> DeploymentTable.movePointer(c, from, made).map(Change.of(made, false)));
  }

  /**
   * Holds a version on every replica, as a new revision; promotions and rollbacks are refused until
   * {@link #unpin}. The version must have been active before: a pin goes around no gate. A version
   * left by a pin counts as rolled back from. The same pin again changes nothing.
   *
   * @param digest of the artifact the caller has verified; Conflict when it is not the one deployed
   */
  public Future<Change> pin(
      String model, String version, String digest, String actor, String reason) {
    return Future.succeededFuture()
        .compose(
            v -> {
              Names.requireModel(model);
              Names.requireVersion(version);
              Text.requireDigest(digest);
              Text.require("actor", actor, Text.MAX_ID);
              Text.require("reason", reason, Text.MAX_REASON);
              Hold hold = new Hold(version, digest, actor, reason);
              return db.write(
                  c -> DeploymentTable.lockPointer(c, model).compose(on -> pin(c, on, hold)));
            });
  }

  private record Hold(String version, String digest, String actor, String reason) {}

  private Future<Change> pin(SqlConnection c, Pointer on, Hold hold) {
    return DeploymentTable.ofVersion(c, on.model(), hold.version())
        .map(served -> RollbackRules.requireServed(served, on, hold.version()))
        .compose(
            newest -> {
              RollbackRules.requireVerified(newest, hold.digest());
              boolean held = on.pin() != null && on.version().equals(hold.version());
              return held
                  ? Future.succeededFuture(Change.of(newest, true))
                  : deploy(c, on, pinned(on, hold), pinned(on, hold).detail(), null);
            });
  }

  private static Draft pinned(Pointer on, Hold hold) {
    return new Draft(
        on.model(),
        on.revision() + 1,
        hold.version(),
        hold.digest(),
        Kind.pin,
        on.version(),
        hold.version().equals(on.version()) ? null : on.version(),
        hold.actor(),
        hold.reason());
  }

  /**
   * Lifts the hold. The pinned version stays active, so no revision is made; NotFound when the
   * model is not pinned.
   *
   * @return the audit entry
   */
  public Future<AuditEntry> unpin(String model, String actor, String reason) {
    return Future.succeededFuture()
        .compose(
            v -> {
              Names.requireModel(model);
              Text.require("actor", actor, Text.MAX_ID);
              Text.require("reason", reason, Text.MAX_REASON);
              return db.write(
                  c ->
                      DeploymentTable.lockPointer(c, model)
                          .compose(on -> unpin(c, on, actor, reason)));
            });
  }

  private Future<AuditEntry> unpin(SqlConnection c, Pointer on, String actor, String reason) {
    if (on.pin() == null) {
      throw new RegistryException.NotFound("model " + on.model() + " is not pinned");
    }
    AuditRecord record =
        new AuditRecord(
            actor, "unpin", on.model(), Map.of("version", on.version(), "reason", reason));
    return audit
        .append(c, record)
        .compose(
            entry ->
                c.preparedQuery(
                        "UPDATE registry.pointer SET pin_actor = NULL, pin_reason = NULL,"
                            + " pinned_at = NULL, updated_at = $2 WHERE model = $1")
                    .execute(Tuple.of(on.model(), Rows.offset(entry.at())))
                    .compose(x -> Database.announce(c, on.model() + ":" + on.revision()))
                    .map(entry));
  }

  /** A revision before its audit row gave it its time and id. */
  private record Draft(
      String model,
      int revision,
      String version,
      String digest,
      Kind kind,
      @Nullable String from,
      @Nullable String rolledBackFrom,
      String actor,
      String reason) {

    Map<String, @Nullable Object> detail() {
      Map<String, @Nullable Object> detail = new HashMap<>();
      detail.put("revision", revision);
      detail.put("from", from);
      detail.put("to", version);
      detail.put("digest", digest);
      detail.put("reason", reason);
      return detail;
    }

    Deployment made(AuditEntry entry, @Nullable String incident) {
      return new Deployment(
          model,
          revision,
          version,
          digest,
          kind,
          from,
          rolledBackFrom,
          actor,
          entry.at(),
          reason,
          null,
          incident,
          entry.id());
    }
  }

  /** The audit row first, then the revision that refers to it. */
  private Future<Deployment> record(
      SqlConnection c,
      Draft draft,
      Map<String, @Nullable Object> detail,
      @Nullable RollbackCommand command) {
    String incident = command == null ? null : command.incident();
    return audit
        .append(c, new AuditRecord(draft.actor(), draft.kind().name(), draft.model(), detail))
        .map(entry -> draft.made(entry, incident))
        .compose(made -> DeploymentTable.insert(c, made, command).map(made));
  }
}
