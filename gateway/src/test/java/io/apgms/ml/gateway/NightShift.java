package io.apgms.ml.gateway;

import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Roles;
import io.apgms.ml.gateway.pagerduty.PagerDutyStub;
import io.vertx.core.Vertx;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Two replicas in act over one PostgreSQL, a loopback PagerDuty, and tokens good at both. */
final class NightShift implements AutoCloseable {
  final EmbeddedPostgres postgres;
  final PagerDutyStub pagerDuty;
  final List<RunningService> services = new ArrayList<>();

  /** Alertmanager's token. */
  final String hook;

  final String oncall;

  /**
   * Starts them.
   *
   * @param more settings of both replicas
   */
  NightShift(Path dir, Map<String, String> more) throws Exception {
    Path data = dir.resolve("r0/data");
    Vertx vertx = Vertx.vertx();
    try {
      DevIssuer issuer = DevIssuer.open(vertx, data);
      Path keys = Files.createDirectories(dir.resolve("r1/data/keys"));
      Files.copy(data.resolve("keys/dev-issuer.key"), keys.resolve("dev-issuer.key"));
      hook = issuer.mint("alertmanager", null, List.of(Roles.ALERTMANAGER));
      oncall = issuer.mint("olga", null, List.of(Roles.ONCALL));
    } finally {
      PlantedService.await(vertx.close());
    }
    String shipped = Files.readString(RunningService.HOME.resolve("conf/flags.json"));
    Path flags = Files.writeString(dir.resolve("flags.json"), shipped.replace("observe", "act"));
    postgres = EmbeddedPostgres.builder().setDataDirectory(dir.resolve("cluster")).start();
    pagerDuty = PagerDutyStub.start();
    Map<String, String> settings = new HashMap<>(more);
    settings.put(
        "ML_DATABASE_URL",
        "postgresql://postgres:postgres@127.0.0.1:" + postgres.getPort() + "/postgres");
    settings.put("ML_DATABASE_TIMEOUT_MS", "5000");
    settings.put("ML_FLAGS_FILE", flags.toString());
    settings.put("ML_PAGERDUTY_URL", pagerDuty.url());
    settings.put("ML_PAGERDUTY_ROUTING_KEY", PagerDutyStub.KEY);
    try {
      services.add(RunningService.start(dir.resolve("r0"), settings));
      services.add(RunningService.start(dir.resolve("r1"), settings));
    } catch (Exception | AssertionError e) {
      close();
      throw e;
    }
  }

  Alertmanager alertmanager(Path dir) throws Exception {
    return new Alertmanager(dir, pagerDuty.url(), PagerDutyStub.KEY, hook, services);
  }

  @Override
  public void close() throws IOException {
    services.forEach(RunningService::close);
    pagerDuty.close();
    postgres.close();
  }
}
