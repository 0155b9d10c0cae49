package io.apgms.ml.gateway.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.apgms.ml.gateway.TestCertificate;
import io.apgms.ml.gateway.admin.PointerFile.Target;
import io.apgms.ml.registry.ReplicaState;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.junit5.VertxExtension;
import io.vertx.junit5.VertxTestContext;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(VertxExtension.class)
class PeersTest {
  private static final Map<String, Target> POINTERS =
      Map.of("risk-score", new Target("20261123", "sha256:x", 7));
  private static final String AHEAD = "{\"status\":\"UP\",\"revisions\":{\"risk-score\":8}}";

  private static ReplicaState replica(String id, String address) {
    return new ReplicaState(id, Instant.EPOCH, Map.of(), Map.of(), Map.of(), address, 0);
  }

  /** Peers that know of one server for each handler, of themselves and of one that says nowhere. */
  private static Future<Peers> peers(Vertx vertx, List<Handler<HttpServerRequest>> handlers) {
    List<ReplicaState> live = new ArrayList<>();
    live.add(replica("self", "http://127.0.0.1:1"));
    live.add(replica("starting", null));
    Future<Void> listening = Future.succeededFuture();
    for (Handler<HttpServerRequest> handler : handlers) {
      listening =
          listening
              .compose(v -> vertx.createHttpServer().requestHandler(handler).listen(0, "127.0.0.1"))
              .map(
                  server -> {
                    String at = "http://127.0.0.1:" + server.actualPort();
                    live.add(replica("r" + live.size(), at));
                    return null;
                  });
    }
    return listening.map(v -> new Peers(vertx, () -> Future.succeededFuture(live), "self", null));
  }

  private static Handler<HttpServerRequest> says(String body) {
    return request -> request.response().end(body);
  }

  /** Tells of each round that PostgreSQL is away until a condition holds, as the control loop. */
  private static Future<Void> awayUntil(Vertx vertx, Peers peers, BooleanSupplier enough) {
    peers.seen(false, POINTERS);
    return enough.getAsBoolean()
        ? Future.succeededFuture()
        : vertx.timer(20, TimeUnit.MILLISECONDS).compose(t -> awayUntil(vertx, peers, enough));
  }

  @Test
  void seen_anotherFollowsANewerRevision_isBehindUntilPostgresAnswers(
      Vertx vertx, VertxTestContext test) {
    vertx.runOnContext(
        go ->
            peers(vertx, List.of(says("{\"revisions\":{\"risk-score\":7}}"), says(AHEAD)))
                .compose(peers -> awayUntil(vertx, peers, () -> peers.behind() != null).map(peers))
                .onComplete(
                    test.succeeding(
                        peers ->
                            test.verify(
                                () -> {
                                  assertThat(peers.behind())
                                      .contains("follows revision 8 of risk-score, this one 7");
                                  peers.seen(true, POINTERS);
                                  assertThat(peers.behind()).isNull();
                                  test.completeNow();
                                }))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"revisions\":{\"risk-score\":7}}",
        "{\"revisions\":{\"risk-score\":6,\"another\":9}}",
        "{\"status\":\"UP\"}",
        "{\"revisions\":{\"risk-score\":\"many\"}}",
        "{\"revisions\":[8]}",
        "<html>8</html>",
        ""
      })
  void seen_nobodyIsAhead_isNotBehind(String body, Vertx vertx, VertxTestContext test) {
    assertNotBehind(says(body), vertx, test);
  }

  @Test
  void seen_oneNeverAnswers_isNotBehind(Vertx vertx, VertxTestContext test) {
    assertNotBehind(request -> {}, vertx, test);
  }

  /** It is asked again only after what it said, or did not say in time, was looked at. */
  private static void assertNotBehind(
      Handler<HttpServerRequest> other, Vertx vertx, VertxTestContext test) {
    AtomicInteger asked = new AtomicInteger();
    Handler<HttpServerRequest> counted =
        request -> {
          asked.incrementAndGet();
          other.handle(request);
        };
    vertx.runOnContext(
        go ->
            peers(vertx, List.of(counted))
                .compose(peers -> awayUntil(vertx, peers, () -> asked.get() > 1).map(peers))
                .onComplete(
                    test.succeeding(
                        peers ->
                            test.verify(
                                () -> {
                                  assertThat(peers.behind()).isNull();
                                  test.completeNow();
                                }))));
  }

  /** The control is a peer that shows another certificate: its word does not count. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void seen_overTls_countsWhereTheCertificateIsTheSame(
      boolean same, Vertx vertx, VertxTestContext test, @TempDir Path dir) throws Exception {
    TestCertificate ours = TestCertificate.make(dir, "ours");
    TestCertificate theirs = same ? ours : TestCertificate.make(dir, "theirs");
    AtomicInteger rounds = new AtomicInteger(); // a second of them
    HttpServerOptions options =
        new HttpServerOptions()
            .setSsl(true)
            .setKeyCertOptions(
                new PemKeyCertOptions()
                    .addCertPath(theirs.cert().toString())
                    .addKeyPath(theirs.key().toString()));
    vertx.runOnContext(
        go ->
            vertx
                .createHttpServer(options)
                .requestHandler(says(AHEAD))
                .listen(0, "127.0.0.1")
                .map(
                    server -> {
                      String at = "https://127.0.0.1:" + server.actualPort();
                      Future<List<ReplicaState>> live =
                          Future.succeededFuture(List.of(replica("other", at)));
                      return new Peers(vertx, () -> live, "self", ours.cert());
                    })
                .compose(
                    peers ->
                        awayUntil(
                                vertx,
                                peers,
                                () ->
                                    peers.behind() != null
                                        || (!same && rounds.incrementAndGet() > 50))
                            .map(peers))
                .onComplete(
                    test.succeeding(
                        peers ->
                            test.verify(
                                () -> {
                                  assertThat(peers.behind() != null).isEqualTo(same);
                                  test.completeNow();
                                }))));
  }

  @ParameterizedTest
  @CsvSource({
    "false, 127.0.0.1, http://127.0.0.1:9090",
    "true, 127.0.0.1, https://127.0.0.1:9090",
    "false, ::1, 'http://[0:0:0:0:0:0:0:1]:9090'"
  })
  void address_ofABoundHost_isReachable(boolean tls, String host, String expected)
      throws Exception {
    assertThat(Peers.address(tls, host, 9_090)).isEqualTo(expected);
  }

  @Test
  void address_ofAllAddresses_namesOne() throws Exception {
    assertThat(Peers.address(false, "0.0.0.0", 9_090)).doesNotContain("0.0.0.0");
  }
}
