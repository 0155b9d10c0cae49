package io.apgms.ml.feedback;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.sqlclient.Tuple;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Starts and stops what persists decisions and labels. */
public final class FeedbackVerticle extends VerticleBase {
  private static final Logger LOG = LoggerFactory.getLogger(FeedbackVerticle.class);
  private static final long PROBE_MS = 500;
  private static final long DEPTH_MS = 5_000;
  private static final long VOLUME_MS = 60_000;

  /** So long at most may the files of a replica's spool hold what was redacted elsewhere. */
  private static final long REWRITE_MS = 600_000;

  private static final long REWRITE_MAX_BYTES = 16L << 20;

  private static final long ANNOUNCE_MS = 2_000;
  private static final int LEAVE_SECONDS = 2;
  private static final Duration FLUSH_BOUND = Duration.ofSeconds(5);

  private final FeedbackOptions options;
  private final Map<NewLabel.Label, Map<NewLabel.Source, Counter>> labelCounters =
      new EnumMap<>(NewLabel.Label.class);
  private final AtomicLong outboxDepth = new AtomicLong();
  private final ActionMeters actionMeters;
  private @Nullable Database db;
  private @Nullable Spool spool;
  private @Nullable Shipper shipper;
  private @Nullable DecisionLog log;
  private @Nullable Labels labels;
  private @Nullable LabelFiles bulk;
  private @Nullable Redactions redactions;

  public FeedbackVerticle(FeedbackOptions options) {
    this.options = options;
    this.actionMeters = new ActionMeters(options.meters());
    registerMeters(options.meters());
  }

  private void registerMeters(MeterRegistry meters) {
    for (NewLabel.Label label : NewLabel.Label.values()) {
      Map<NewLabel.Source, Counter> bySource = new EnumMap<>(NewLabel.Source.class);
      for (NewLabel.Source source : NewLabel.Source.values()) {
        bySource.put(
            source,
            Counter.builder("apgms_ml_feedback_labels")
                .tags("label", label.name(), "source", source.name())
                .register(meters));
      }
      labelCounters.put(label, bySource);
    }
    Gauge.builder("apgms_ml_action_outbox_depth", outboxDepth, AtomicLong::get).register(meters);
  }

  @Override
  public Future<?> start() {
    Database opened = new Database(vertx, options.pool(), options.server(), options.timeoutMs());
    db = opened;
    return open(opened);
  }

  private Future<?> open(Database db) {
    DirectConnections connections = new DirectConnections(options);
    return vertx
        .executeBlocking(() -> Spool.open(options.spoolDir(), options.spoolMaxBytes()))
        .map(
            opened -> {
              spool = opened;
              PredictionClock clock = new PredictionClock();
              Spools spools = new Spools(options.replica());
              Shipper ships = new Shipper(opened, clock, options);
              shipper = ships;
              labels = new Labels(db, opened, spools, this::count);
              bulk = new LabelFiles(vertx, db, connections, opened, spools, this::count);
              log = new DecisionLog(db, opened, spools, clock, labels);
              redactions = new Redactions(vertx, opened, ships, options);
              Redactions spoolOf = redactions;
              vertx.setPeriodic(REWRITE_MS, id -> rewrite(opened, spoolOf));
              vertx.setPeriodic(PROBE_MS, id -> db.probe());
              vertx.setPeriodic(DEPTH_MS, id -> readOutboxDepth(db));
              LabelVolume volume = new LabelVolume(db, options.meters());
              vertx.setPeriodic(
                  DEPTH_MS, VOLUME_MS, id -> volume.refresh(Instant.now()).otherwiseEmpty());
              return ships;
            })
        .compose(this::announced)
        .compose(v -> db.probe());
  }

  /** The other replicas know of this spool before it takes a decision, if they can be told. */
  private Future<Void> announced(Shipper shipper) {
    return Future.fromCompletionStage(shipper.start(), context)
        .timeout(ANNOUNCE_MS, TimeUnit.MILLISECONDS)
        .otherwiseEmpty();
  }

  /** A spool that fills during an outage has other work to do, and is rewritten after it. */
  private static void rewrite(Spool spool, Redactions redactions) {
    if (spool.bytes() < REWRITE_MAX_BYTES) {
      redactions
          .rewriteSpool()
          .onFailure(e -> LOG.warn("the spool was not rewritten: {}", e.getMessage()));
    }
  }

  private void count(NewLabel.Label label, NewLabel.Source source) {
    Map<NewLabel.Source, Counter> bySource = Objects.requireNonNull(labelCounters.get(label));
    Objects.requireNonNull(bySource.get(source)).increment();
  }

  private void readOutboxDepth(Database db) {
    db.read(
            "SELECT count(*) FROM (SELECT 1 FROM feedback.action_outbox WHERE state = 'pending'"
                + " LIMIT 1000000) p",
            Tuple.tuple())
        .onSuccess(rows -> outboxDepth.set(rows.iterator().next().getLong(0)));
  }

  /** After the start. */
  public DecisionLog log() {
    return Objects.requireNonNull(log, "not started");
  }

  /** After the start. */
  public Labels labels() {
    return Objects.requireNonNull(labels, "not started");
  }

  /** After the start. */
  public Redactions redactions() {
    return Objects.requireNonNull(redactions, "not started");
  }

  /** After the start. */
  public LabelFiles labelFiles() {
    return Objects.requireNonNull(bulk, "not started");
  }

  /** Where a thread stores the pairs of trials; one a thread. */
  public TrialPairs trialPairs() {
    return new TrialPairs(new DirectConnections(options), options.replica());
  }

  /** After the start. */
  public Actions actions() {
    return new Actions(Objects.requireNonNull(db, "not started"));
  }

  /** After the start. */
  public DriftCounts drift() {
    return new DriftCounts(Objects.requireNonNull(db, "not started"));
  }

  /** After the start. */
  public LabelOutcomes labelOutcomes() {
    return new LabelOutcomes(Objects.requireNonNull(db, "not started"));
  }

  /** After the start. */
  public GroupOutcomes groupOutcomes() {
    return new GroupOutcomes(Objects.requireNonNull(db, "not started"));
  }

  /** What takes actions to their sinks, to be deployed once; after the start. */
  public ActionDispatcher dispatcher(ActionOptions to) {
    Database started = Objects.requireNonNull(db, "not started");
    return new ActionDispatcher(to, new OutboxTable(started), actionMeters);
  }

  @Override
  public Future<?> stop() {
    return vertx.executeBlocking(
        () -> {
          if (shipper != null && spool != null) {
            boolean shipped = shipper.flush(FLUSH_BOUND);
            if (!shipped) {
              LOG.info("{} bytes of decisions stay in the spool", spool.bytes());
            }
            if (shipper.stop()) {
              if (shipped) {
                leave(spool);
              }
              spool.close();
            }
          }
          return null;
        });
  }

  /** Nothing waits here any more, and nothing will. */
  private void leave(Spool spool) {
    if (spool.oldest(new UUID(0, 0)) != null) {
      return;
    }
    try (Connection connection =
        new DirectConnections(options).open("ml-service-leave", LEAVE_SECONDS)) {
      new Spools(options.replica()).leave(connection);
    } catch (SQLException e) {
      LOG.warn("the other replicas do not know that this spool is empty: {}", e.getSQLState());
    }
  }
}
