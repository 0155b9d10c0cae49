package io.apgms.ml.gateway.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.SecurityPolicyHandler;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets a request through for the bearers of some roles, and no subject more often than its rate.
 * Stands before the handler that reads the body: who may not call sends none.
 */
public final class Guard {
  private static final String CALLER = "caller";
  private static final String ARRIVED = "arrivedNanos";
  private static final long ISSUER_MS = 250; // an eighth of a request's preset time

  private final TokenVerifier verifier;
  private final boolean open;
  private final SubjectLimits limits;
  private final Counter unauthenticated;
  private final Counter forbidden;
  private final Counter limited;
  private final BiConsumer<Caller, String> onForbidden;

  /** What guards of one listener share. */
  public record Parts(TokenVerifier verifier, SubjectLimits limits, MeterRegistry meters) {}

  private Guard(
      Parts parts, String listener, boolean open, BiConsumer<Caller, String> onForbidden) {
    this.verifier = parts.verifier();
    this.limits = parts.limits();
    this.open = open;
    this.onForbidden = onForbidden;
    this.unauthenticated = refused(parts.meters(), listener, "unauthenticated");
    this.forbidden = refused(parts.meters(), listener, "forbidden");
    this.limited = refused(parts.meters(), listener, "rate_limited");
  }

  /**
   * The API listener's.
   *
   * @param open for development: no token is needed; one that is sent is checked, not its roles
   */
  public static Guard api(Parts parts, boolean open) {
    return new Guard(parts, "api", open, (caller, route) -> {});
  }

  /**
   * The management listener's, never open.
   *
   * @param onForbidden told who was refused which route
   */
  public static Guard management(Parts parts, BiConsumer<Caller, String> onForbidden) {
    return new Guard(parts, "management", false, onForbidden);
  }

  private static Counter refused(MeterRegistry meters, String listener, String reason) {
    return Counter.builder("apgms_ml_http_refused")
        .description("requests refused for who sent them")
        .tags("listener", listener, "reason", reason)
        .register(meters);
  }

  /** 401 without a valid token, 403 without one of the roles, 429 over the subject's rate. */
  public SecurityPolicyHandler only(String... roles) {
    List<String> allowed = Arrays.asList(roles);
    return rc -> {
      String authorization = rc.request().getHeader("Authorization");
      if (open && authorization == null) {
        rc.next();
        return;
      }
      Future<Caller> verified = verify(authorization);
      if (verified.isComplete()) {
        admit(rc, verified, allowed);
      } else {
        admitLater(rc, verified, allowed);
      }
    };
  }

  /** Behind the issuer, which may be silent: the wait is part of the request's time. */
  private void admitLater(RoutingContext rc, Future<Caller> verified, List<String> allowed) {
    rc.put(ARRIVED, System.nanoTime());
    rc.request().pause(); // the body waits in the socket meanwhile
    Context loop = rc.vertx().getOrCreateContext();
    Promise<Caller> known = Promise.promise();
    long timer =
        rc.vertx()
            .setTimer(
                ISSUER_MS,
                id ->
                    known.tryFail(
                        Problem.busy(503, "the token issuer did not answer in time, try again")));
    verified.onComplete(
        done ->
            loop.runOnContext(
                v -> {
                  if (done.succeeded()) {
                    known.tryComplete(done.result());
                  } else {
                    known.tryFail(done.cause());
                  }
                }));
    Future<Caller> inTime = known.future();
    inTime.onComplete(
        done -> {
          rc.vertx().cancelTimer(timer);
          rc.request().resume();
          admit(rc, inTime, allowed);
        });
  }

  /** When a request came, by {@link System#nanoTime()}. */
  static long arrivedNanos(RoutingContext rc) {
    Long before = rc.get(ARRIVED);
    return before == null ? System.nanoTime() : before;
  }

  /** Whoever bears any role. */
  public SecurityPolicyHandler anyone() {
    return only(Roles.ALL.toArray(new String[0]));
  }

  /** Whoever is on the staff. */
  public SecurityPolicyHandler staff() {
    return only(Roles.ONCALL, Roles.DATA_SCIENTIST, Roles.DS_LEAD, Roles.COMPLIANCE, Roles.SRE);
  }

  private Future<Caller> verify(@Nullable String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return Future.failedFuture(
          Problem.of(401, "no bearer token, expected Authorization: Bearer …"));
    }
    return verifier.verify(authorization.substring(7).strip());
  }

  private void admit(RoutingContext rc, Future<Caller> verified, List<String> allowed) {
    if (verified.failed()) {
      unauthenticated.increment();
      rc.fail(verified.cause());
      return;
    }
    Caller caller = verified.result();
    if (!open && caller.roles().stream().noneMatch(allowed::contains)) {
      forbidden.increment();
      onForbidden.accept(caller, rc.request().method() + " " + rc.currentRoute().getPath());
      rc.fail(
          Problem.of(
              403,
              "the token's roles are "
                  + caller.roles().stream().sorted().toList()
                  + ", expected one of "
                  + allowed));
      return;
    }
    if (!limits.take(caller.subject())) {
      limited.increment();
      rc.fail(Problem.busy(429, "more requests a second than a subject has, try again"));
      return;
    }
    rc.put(CALLER, caller);
    rc.next();
  }

  /** Who calls, behind a guard. */
  public static Caller caller(RoutingContext rc) {
    Caller caller = rc.get(CALLER);
    return caller == null ? Caller.ANONYMOUS : caller;
  }

  /** Who acts, behind a guard that is never open. */
  public static String actor(RoutingContext rc) {
    return caller(rc).subject();
  }
}
