package io.apgms.ml.gateway.admin;

import io.apgms.ml.gateway.admin.PointerFile.Target;
import io.apgms.ml.registry.ReplicaState;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpClientAgent;
import io.vertx.core.http.HttpClientOptions;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.PoolOptions;
import io.vertx.core.http.RequestOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.PemTrustOptions;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The other replicas, asked how far they follow while PostgreSQL does not answer this one. Who is
 * behind one of them is cut off, and must not be sent requests: it would decide by a version that
 * was taken back. Who is not may go on: where nobody reaches PostgreSQL nobody changes a version.
 *
 * <p>What they say makes a replica not ready and nothing else; what is served is PostgreSQL's word.
 * Confined to one loop.
 */
final class Peers {
  private static final int MOST = 8; // that are asked at once
  private static final long BOUND_MS = 500;
  private static final int MAX_BODY = 65_536;

  private static final long FIRST_MS = 100;
  private static final long PERIOD_MS = 2_000;

  private final Vertx vertx;
  private final String self;
  private final @Nullable Path certificate;
  private List<String> addresses = List.of();
  private boolean asking;
  private boolean database;
  private volatile @Nullable String behind;

  /**
   * To be made on the loop that it is confined to.
   *
   * @param live the replicas that live, this one among them
   * @param self id of this replica
   * @param certificate that this replica shows, and the others do as well; null for plain HTTP
   */
  Peers(
      Vertx vertx,
      Supplier<Future<List<ReplicaState>>> live,
      String self,
      @Nullable Path certificate) {
    this.vertx = vertx;
    this.self = self;
    this.certificate = certificate;
    vertx.setPeriodic(FIRST_MS, PERIOD_MS, id -> live.get().onSuccess(this::know));
  }

  /** How others reach a listener that was bound to a host, which may stand for all addresses. */
  static String address(boolean tls, String host, int port) throws UnknownHostException {
    InetAddress bound = InetAddress.getByName(host);
    String literal =
        (bound.isAnyLocalAddress() ? InetAddress.getLocalHost() : bound).getHostAddress();
    int scope = literal.indexOf('%');
    String plain = scope < 0 ? literal : literal.substring(0, scope);
    String name = plain.indexOf(':') < 0 ? plain : "[" + plain + "]";
    return (tls ? "https://" : "http://") + name + ":" + port;
  }

  private void know(List<ReplicaState> live) {
    List<String> known = new ArrayList<>();
    for (ReplicaState replica : live) {
      String address = replica.address();
      if (address != null && !replica.id().equals(self) && known.size() < MOST) {
        known.add(address);
      }
    }
    addresses = List.copyOf(known);
  }

  /** Why this replica is behind another; null where it is not known to be. For any thread. */
  @Nullable String behind() {
    return behind;
  }

  /** Told after each round whether PostgreSQL answered, and with which pointers it last did. */
  void seen(boolean answered, Map<String, Target> pointers) {
    database = answered;
    if (answered) {
      behind = null;
    } else if (!asking && !addresses.isEmpty()) {
      ask(pointers);
    }
  }

  private void ask(Map<String, Target> pointers) {
    asking = true;
    HttpClientAgent client =
        vertx.createHttpClient(options(), new PoolOptions().setHttp1MaxSize(1));
    List<Future<@Nullable String>> answers = new ArrayList<>();
    for (String address : addresses) {
      answers.add(
          ask(client, address).map(says -> newer(address, says, pointers)).otherwiseEmpty());
    }
    Future.join(answers)
        .onComplete(
            done -> {
              asking = false;
              answers.forEach(answer -> take(answer.result()));
              Future<Void> ignored = client.close();
            });
  }

  private void take(@Nullable String why) {
    if (why != null && !database) {
      behind = why;
    }
  }

  /** The replicas share one certificate, so it is the one to trust, whatever name it is for. */
  private HttpClientOptions options() {
    HttpClientOptions options = new HttpClientOptions().setConnectTimeout((int) BOUND_MS);
    return certificate == null
        ? options
        : options
            .setSsl(true)
            .setVerifyHost(false)
            .setTrustOptions(new PemTrustOptions().addCertPath(certificate.toString()));
  }

  private Future<JsonObject> ask(HttpClientAgent client, String address) {
    RequestOptions ready =
        new RequestOptions()
            .setMethod(HttpMethod.GET)
            .setAbsoluteURI(address + "/health/ready")
            .setTimeout(BOUND_MS);
    return client
        .request(ready)
        .compose(request -> request.send())
        .compose(response -> response.body())
        .timeout(BOUND_MS, TimeUnit.MILLISECONDS)
        .map(Peers::revisions);
  }

  private static JsonObject revisions(Buffer body) {
    if (body.length() > MAX_BODY) {
      throw new IllegalArgumentException(
          body.length() + " bytes of a replica's health, expected at most " + MAX_BODY);
    }
    return body.toJsonObject().getJsonObject("revisions", new JsonObject());
  }

  private static @Nullable String newer(
      String address, JsonObject says, Map<String, Target> pointers) {
    for (Map.Entry<String, Target> pointer : pointers.entrySet()) {
      Integer theirs = says.getInteger(pointer.getKey());
      int ours = pointer.getValue().revision();
      if (theirs != null && theirs > ours) {
        return "PostgreSQL does not answer, and the replica at "
            + address
            + " follows revision "
            + theirs
            + " of "
            + pointer.getKey()
            + ", this one "
            + ours;
      }
    }
    return null;
  }
}
