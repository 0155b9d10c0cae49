package io.apgms.ml.gateway.admin;

import io.apgms.ml.gateway.http.Caller;
import io.apgms.ml.gateway.http.DevIssuer;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.gateway.http.Roles;
import io.vertx.core.Handler;
import io.vertx.ext.web.RoutingContext;
import java.util.Arrays;
import java.util.List;

/** Lets a request through for the bearers of some roles. */
final class Guard {
  private static final String CALLER = "caller";

  private final DevIssuer issuer;

  Guard(DevIssuer issuer) {
    this.issuer = issuer;
  }

  /** 401 without a valid token, 403 without one of the roles. */
  Handler<RoutingContext> only(String... roles) {
    List<String> allowed = Arrays.asList(roles);
    return rc ->
        issuer
            .authenticate(rc.request().getHeader("Authorization"))
            .onFailure(rc::fail)
            .onSuccess(
                caller -> {
                  if (caller.roles().stream().noneMatch(allowed::contains)) {
                    rc.fail(
                        Problem.of(
                            403,
                            "the token's roles are "
                                + caller.roles().stream().sorted().toList()
                                + ", expected one of "
                                + allowed));
                    return;
                  }
                  rc.put(CALLER, caller);
                  rc.next();
                });
  }

  /** Whoever is on the staff. */
  Handler<RoutingContext> staff() {
    return only(Roles.ONCALL, Roles.DATA_SCIENTIST, Roles.DS_LEAD, Roles.COMPLIANCE, Roles.SRE);
  }

  /** Who acts, behind a guard. */
  static String actor(RoutingContext rc) {
    Caller caller = rc.get(CALLER);
    return caller.subject();
  }
}
