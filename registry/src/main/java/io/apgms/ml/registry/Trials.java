package io.apgms.ml.registry;

import io.apgms.ml.registry.Trial.State;
import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import io.vertx.sqlclient.Tuple;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The trials of second versions: at most one of a model runs.
 *
 * <p>Each change of state is one transaction: lock, rules, audit row, the row itself, notification
 * on {@code registry_changed} with {@code model:trial}. Whatever makes another version active ends
 * the trial in its own transaction, before its own audit row.
 */
public final class Trials {
  private static final String SYSTEM = "system";

  private final Database db;
  private final AuditLog audit;
  private final Tickets tickets;

  Trials(Database db, AuditLog audit, Tickets tickets) {
    this.db = db;
    this.audit = audit;
    this.tickets = tickets;
  }

  /**
   * How a trial is over by what was seen of it.
   *
   * @param state passed, failed, inconclusive or stopped
   */
  public record Verdict(State state, String reason) {}

  /** Decides; empty while it must go on. */
  public interface Judge {
    Optional<Verdict> of(TrialBounds bounds, TrialSums sums, boolean timeUp);
  }

  /** The newest 20 trials of a model, newest first. */
  public Future<List<Trial>> list(String model) {
    return db.read(
        TrialTable.NEWEST_FIRST, Tuple.of(model), rows -> Rows.list(rows, TrialTable::trial));
  }

  /**
   * Begins a trial, or fails with all reasons why not ({@link RegistryException.Refused}), or with
   * {@link RegistryException.Conflict} when another change came first.
   *
   * @param publish as for {@link Promotions#promote}
   */
  public Future<Trial> start(TrialCommand command, Supplier<Future<Void>> publish) {
    return db.write(
            c ->
                refusals(c, command)
                    .compose(no -> allowed(c, command, no))
                    .compose(base -> start(c, command, base))
                    .compose(trial -> publish.get().map(trial)))
        .recover(
            e ->
                tickets
                    .refused(e, command.actor(), "trial.start", command.model())
                    .compose(v -> Future.failedFuture(e)));
  }

  /** What stands in the way, and the version it would be compared with. */
  private record Asked(Pointer base, List<Refusal> refusals) {}

  /** With a ticket the very check of a promotion, in this transaction. */
  private static Future<Asked> refusals(SqlConnection c, TrialCommand command) {
    String ticket = command.ticket();
    if (ticket == null) {
      return DeploymentTable.lockPointer(c, command.model())
          .compose(
              on ->
                  DeploymentTable.newestFirst(c, on.model())
                      .map(all -> new Asked(on, TrialRules.ofStart(command, on, all))));
    }
    return Promotions.preflight(c, command.asPromotion(ticket))
        .map(
            found -> {
              Pointer on = found.active();
              if (on == null) {
                throw new RegistryException.NotFound(
                    "model " + command.model() + " has no active version to compare with");
              }
              return new Asked(on, found.refusals());
            });
  }

  private static Future<Pointer> allowed(SqlConnection c, TrialCommand command, Asked asked) {
    if (asked.base().revision() != command.onRevision()) {
      throw new RegistryException.Conflict(
          "%s is at revision %d, expected %d: another change came first"
              .formatted(command.model(), asked.base().revision(), command.onRevision()));
    }
    if (!asked.refusals().isEmpty()) {
      throw new RegistryException.Refused(
          command.model() + " " + command.version() + " gets no trial", asked.refusals());
    }
    return TrialTable.lockRunning(c, command.model())
        .map(
            running -> {
              running.ifPresent(
                  t -> {
                    throw new RegistryException.Conflict(
                        "the %s of %s runs since %s, expected none: stop it first"
                            .formatted(t.kind(), t.version(), t.at()));
                  });
              return asked.base();
            });
  }

  private Future<Trial> start(SqlConnection c, TrialCommand command, Pointer base) {
    UUID id = UUID.randomUUID();
    return TrialTable.nextOf(c, command.model())
        .compose(
            n ->
                audit
                    .append(
                        c,
                        new AuditRecord(
                            command.actor(),
                            "trial.start",
                            command.model(),
                            detail(id, command, base)))
                    .map(entry -> begun(id, n, command, base, entry)))
        .compose(trial -> TrialTable.insert(c, trial).map(trial));
  }

  private static Map<String, @Nullable Object> detail(UUID id, TrialCommand command, Pointer base) {
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("trial", id.toString());
    detail.put("kind", command.kind().name());
    detail.put("version", command.version());
    detail.put("digest", command.digest());
    detail.put("base", base.version());
    detail.put("baseDigest", base.digest());
    detail.put("ticket", command.ticket());
    detail.put("leastPairs", command.bounds().leastPairs());
    detail.put("maxErrors", command.bounds().maxErrors());
    detail.put("maxDisagreement", command.bounds().maxDisagreement());
    detail.put("maxMeanDifference", command.bounds().maxMeanDifference());
    detail.put("limitMs", command.bounds().limit().toMillis());
    detail.put("reason", command.reason());
    return detail;
  }

  private static Trial begun(UUID id, int n, TrialCommand command, Pointer base, AuditEntry entry) {
    return new Trial(
        id,
        command.model(),
        n,
        command.kind(),
        command.version(),
        command.digest(),
        base.version(),
        base.digest(),
        command.ticket(),
        command.bounds(),
        command.actor(),
        entry.at(),
        entry.at().plus(command.bounds().limit()),
        command.reason(),
        entry.id(),
        State.running,
        null);
  }

  /** Ends the trial that runs; NotFound where none does. */
  public Future<Trial> stop(String model, String actor, String reason) {
    return Future.succeededFuture()
        .compose(
            v -> {
              Names.requireModel(model);
              Text.require("actor", actor, Text.MAX_ID);
              Text.require("reason", reason, Text.MAX_REASON);
              return db.write(c -> stop(c, audit, model, actor, reason));
            })
        .map(
            ended ->
                ended.orElseThrow(
                    () -> new RegistryException.NotFound("no trial of " + model + " runs")));
  }

  /** Within the transaction of what makes it moot; empty where none runs. */
  static Future<Optional<Trial>> stop(
      SqlConnection c, AuditLog audit, String model, String actor, String reason) {
    return TrialTable.lockRunning(c, model)
        .compose(
            running ->
                running.isEmpty()
                    ? Future.succeededFuture(running)
                    : end(c, audit, running.get(), actor, new Verdict(State.stopped, reason), null)
                        .map(Optional::of));
  }

  /**
   * Ends a trial where it is decided; empty while it goes on, or where it has ended.
   *
   * @param sums read in the same transaction
   */
  public Future<Optional<Trial>> judge(
      UUID id, Function<SqlConnection, Future<TrialSums>> sums, Judge judge) {
    return db.write(
        c ->
            TrialTable.lockRunning(c, id)
                .compose(
                    running ->
                        running.isEmpty()
                            ? Future.succeededFuture(Optional.<Trial>empty())
                            : judge(c, running.get(), sums, judge)));
  }

  private Future<Optional<Trial>> judge(
      SqlConnection c, Trial trial, Function<SqlConnection, Future<TrialSums>> sums, Judge judge) {
    return sums.apply(c)
        .compose(
            seen ->
                now(c)
                    .compose(
                        now -> {
                          boolean timeUp = !now.isBefore(trial.until());
                          Optional<Verdict> verdict = judge.of(trial.bounds(), seen, timeUp);
                          return verdict.isEmpty()
                              ? Future.succeededFuture(Optional.<Trial>empty())
                              : end(c, audit, trial, SYSTEM, verdict.get(), seen).map(Optional::of);
                        }));
  }

  private static Future<Instant> now(SqlConnection c) {
    return c.query("SELECT clock_timestamp()")
        .execute()
        .map(rows -> rows.iterator().next().getOffsetDateTime(0).toInstant());
  }

  private static Future<Trial> end(
      SqlConnection c,
      AuditLog audit,
      Trial trial,
      String actor,
      Verdict verdict,
      @Nullable TrialSums seen) {
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("trial", trial.id().toString());
    detail.put("kind", trial.kind().name());
    detail.put("version", trial.version());
    detail.put("digest", trial.digest());
    detail.put("reason", verdict.reason());
    if (seen != null) {
      detail.put("pairs", seen.pairs());
      detail.put("errors", seen.errors());
      detail.put("disagreements", seen.disagreements());
      detail.put("meanDifference", Promotions.rounded(seen.meanDifference()));
      detail.put("dropped", seen.dropped());
    }
    return audit
        .append(c, new AuditRecord(actor, "trial." + verdict.state(), trial.model(), detail))
        .compose(
            entry -> {
              Trial.End end = new Trial.End(actor, entry.at(), verdict.reason(), entry.id());
              Trial ended = ended(trial, verdict.state(), end);
              return TrialTable.end(c, ended, end).map(ended);
            });
  }

  private static Trial ended(Trial t, State state, Trial.End end) {
    return new Trial(
        t.id(),
        t.model(),
        t.n(),
        t.kind(),
        t.version(),
        t.digest(),
        t.baseVersion(),
        t.baseDigest(),
        t.ticket(),
        t.bounds(),
        t.actor(),
        t.at(),
        t.until(),
        t.reason(),
        t.auditId(),
        state,
        end);
  }
}
