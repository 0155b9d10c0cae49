package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.apgms.ml.gateway.cluster.Clustering;
import io.apgms.ml.gateway.settings.Settings;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages between members go by TLS with certificates of both sides, or not at all. */
class ITClusterTls {
  private static final DeliveryOptions SOON = new DeliveryOptions().setSendTimeout(3_000);

  @TempDir Path dir;
  private final int first = RunningService.freePort();

  private Vertx member(int port, TestCertificate own, TestCertificate trusted) throws Exception {
    Map<String, String> environment = new HashMap<>();
    environment.put("ML_ROLES", "edge");
    environment.put("ML_DATABASE_URL", "postgresql://nobody:asks@127.0.0.1/it");
    environment.put("ML_CLUSTER_PORT", Integer.toString(port));
    environment.put("ML_CLUSTER_BUS_PORT", Integer.toString(RunningService.freePort()));
    environment.put("ML_CLUSTER_MEMBERS", "127.0.0.1:" + first);
    if (own != null) {
      environment.put("ML_CLUSTER_TLS_CERT", own.cert().toString());
      environment.put("ML_CLUSTER_TLS_KEY", own.key().toString());
      environment.put("ML_CLUSTER_TLS_CA", trusted.cert().toString());
    }
    Clustering clustering =
        new Clustering(Settings.read(RunningService.HOME, environment).cluster());
    return Vertx.builder()
        .with(new io.vertx.core.VertxOptions().setEventBusOptions(clustering.eventBus()))
        .withClusterManager(clustering.manager())
        .buildClustered()
        .toCompletionStage()
        .toCompletableFuture()
        .get(40, TimeUnit.SECONDS);
  }

  private static String ask(Vertx from) throws Exception {
    return from.eventBus()
        .<Buffer>request("here", Buffer.buffer("ping"), SOON)
        .map(m -> m.body().toString())
        .toCompletionStage()
        .toCompletableFuture()
        .get(10, TimeUnit.SECONDS);
  }

  @Test
  void messages_ofMembersWithCertificates_arrive_andOfOthersDoNot() throws Exception {
    TestCertificate ours = TestCertificate.make(dir, "ours");
    TestCertificate foreign = TestCertificate.make(dir, "foreign");
    Vertx here = member(first, ours, ours);
    Vertx there = member(RunningService.freePort(), ours, ours);
    Vertx stranger = member(RunningService.freePort(), foreign, ours);
    Vertx plain = member(RunningService.freePort(), null, null);
    try {
      here.eventBus()
          .<Buffer>consumer("here", m -> m.reply(Buffer.buffer("pong")))
          .completion()
          .toCompletionStage()
          .toCompletableFuture()
          .get(10, TimeUnit.SECONDS);
      assertThat(ask(there)).isEqualTo("pong");
      assertThatThrownBy(() -> ask(stranger)).hasMessageContaining("imed out");
      assertThatThrownBy(() -> ask(plain)).hasMessageContaining("imed out");
    } finally {
      for (Vertx member : new Vertx[] {plain, stranger, there, here}) {
        PlantedService.await(member.close());
      }
    }
  }
}
