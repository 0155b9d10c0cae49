package io.apgms.ml.registry;

import io.apgms.ml.registry.Deployment.Kind;
import io.apgms.ml.registry.ErrorBudget.Used;
import io.vertx.core.Future;
import io.vertx.sqlclient.SqlConnection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Makes an approved candidate the active version.
 *
 * <p>One transaction: row locks on the pointer and the ticket, every rule once more over what was
 * read under them, audit row, revision (whose trigger checks the approvals by itself), pointer by
 * compare-and-set, and last the publishing of the folder. The folder can therefore be there without
 * the revision, where the commit fails; nothing serves a version that no revision names.
 */
public final class Promotions {
  private final Database db;
  private final AuditLog audit;
  private final Tickets tickets;

  Promotions(Database db, AuditLog audit, Tickets tickets) {
    this.db = db;
    this.audit = audit;
    this.tickets = tickets;
  }

  /**
   * What a promotion is decided over.
   *
   * @param active null where the model has no version
   * @param used of the model's error budget
   */
  public record Preflight(
      TicketState ticket, @Nullable Pointer active, Used used, List<Refusal> refusals) {
    /** For {@link PromoteCommand#onRevision()}. */
    public @Nullable Integer revision() {
      return active == null ? null : active.revision();
    }
  }

  /** What a promotion by this command would be refused for, under the locks it would take. */
  static Future<Preflight> preflight(SqlConnection c, PromoteCommand command) {
    return read(
        c,
        command.model(),
        command.ticket(),
        (state, active, used) -> TicketRules.ofPromotion(state, command, active, used));
  }

  private interface Rules {
    List<Refusal> of(TicketState state, @Nullable Pointer active, Used used);
  }

  private static Future<Preflight> read(SqlConnection c, String model, String ticket, Rules rules) {
    return DeploymentTable.lockPointerIfAny(c, model)
        .map(active -> active.orElse(null))
        .compose(
            active ->
                TicketTable.lock(c, ticket)
                    .compose(
                        state ->
                            ErrorBudgets.used(c, model)
                                .map(
                                    used ->
                                        new Preflight(
                                            state, active, used, rules.of(state, active, used)))));
  }

  /** What a ticket lacks now, whoever would promote; NotFound for an unknown one. */
  public Future<Preflight> readiness(String ticket) {
    return tickets.find(ticket).compose(found -> db.write(c -> readiness(c, found.ticket())));
  }

  /** As {@link #readiness}, for who wants to promote: an unknown ticket is refused and audited. */
  public Future<Preflight> begin(String model, String ticket, String actor) {
    return readiness(ticket)
        .recover(
            e -> {
              if (!(e instanceof RegistryException.NotFound)) {
                return Future.failedFuture(e);
              }
              RegistryException why =
                  new RegistryException.Refused(
                      model + " is not promoted",
                      List.of(new Refusal(Refusal.Rule.NO_TICKET, String.valueOf(e.getMessage()))));
              return tickets
                  .refused(why, actor, "promote", model)
                  .compose(v -> Future.failedFuture(why));
            });
  }

  private static Future<Preflight> readiness(SqlConnection c, Ticket ticket) {
    return read(
        c,
        ticket.model(),
        ticket.name(),
        (state, active, used) -> TicketRules.ofReadiness(state, active, used, List.of()));
  }

  /**
   * Promotes, or fails with all reasons why not ({@link RegistryException.Refused}), or with {@link
   * RegistryException.Conflict} when another change came first.
   *
   * @param publish makes the staged folder the published one; called once everything else is done
   *     and still can be undone. What it does must be safe to repeat
   */
  public Future<Change> promote(PromoteCommand command, Supplier<Future<Void>> publish) {
    return db.write(c -> preflight(c, command).compose(p -> promote(c, command, p, publish)))
        .recover(
            e ->
                tickets
                    .refused(e, command.actor(), "promote", command.model())
                    .compose(v -> Future.failedFuture(e)));
  }

  private Future<Change> promote(
      SqlConnection c, PromoteCommand command, Preflight on, Supplier<Future<Void>> publish) {
    if (!Objects.equals(on.revision(), command.onRevision())) {
      throw new RegistryException.Conflict(
          command.model()
              + " is at revision "
              + on.revision()
              + ", expected "
              + command.onRevision()
              + ": another change came first");
    }
    if (!on.refusals().isEmpty()) {
      throw new RegistryException.Refused(
          command.model() + " " + command.version() + " is not promoted", on.refusals());
    }
    return Trials.stop(
            c, audit, command.model(), command.actor(), "promotion: " + command.version())
        .compose(
            ended ->
                audit.append(
                    c,
                    new AuditRecord(
                        command.actor(), "promote", command.model(), detail(command, on))))
        .map(entry -> made(command, on.active(), entry))
        .compose(made -> DeploymentTable.insert(c, made, null).map(made))
        .compose(made -> point(c, on.active(), made).map(made))
        .compose(made -> publish.get().map(Change.of(made, false)));
  }

  private static Future<Void> point(SqlConnection c, @Nullable Pointer from, Deployment made) {
    if (from != null) {
      return DeploymentTable.movePointer(c, from, made);
    }
    VersionDigest first = new VersionDigest(made.version(), made.digest(), List.of());
    return DeploymentTable.insertPointer(c, made.model(), made.revision(), first)
        .compose(
            inserted ->
                inserted
                    ? Database.announce(c, made.model() + ":" + made.revision())
                    : Future.failedFuture(
                        new RegistryException.Conflict(
                            made.model() + " has an active version, expected none")));
  }

  private static Map<String, @Nullable Object> detail(PromoteCommand command, Preflight on) {
    Map<String, @Nullable Object> detail = new HashMap<>();
    detail.put("revision", next(on.active()));
    detail.put("from", on.active() == null ? null : on.active().version());
    detail.put("to", command.version());
    detail.put("digest", command.digest());
    detail.put("reason", command.reason());
    detail.put("ticket", command.ticket());
    detail.put("evidenceDigest", on.ticket().newest().map(TicketEvidence::digest).orElse(null));
    detail.put("errorBudgetRemaining", rounded(on.used().remaining()));
    detail.put("approvals", on.ticket().valid().map(a -> a.id().toString()).toList());
    return detail;
  }

  /** To four decimals: what was read, not what a float holds. */
  static double rounded(double ratio) {
    return Math.rint(ratio * 10_000) / 10_000;
  }

  private static int next(@Nullable Pointer active) {
    return active == null ? 1 : active.revision() + 1;
  }

  private static Deployment made(
      PromoteCommand command, @Nullable Pointer active, AuditEntry entry) {
    return new Deployment(
        command.model(),
        next(active),
        command.version(),
        command.digest(),
        Kind.promote,
        Optional.ofNullable(active).map(Pointer::version).orElse(null),
        null,
        command.actor(),
        entry.at(),
        command.reason(),
        command.ticket(),
        null,
        entry.id());
  }
}
