package io.apgms.ml.gateway.http;

import io.vertx.core.Future;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.User;
import java.util.HashSet;
import java.util.Set;

/** Says who bears a token. */
public interface TokenVerifier {
  /** Of a bearer token's text; fails with a 401 {@link Problem} that says nothing of the token. */
  Future<Caller> verify(String token);

  /** The caller of a verified token; refused without a subject in text and a time of expiry. */
  static Caller caller(User user) {
    return verified(user).caller();
  }

  /** The same, with the time of expiry. */
  static VerifiedTokens.Verified verified(User user) {
    JsonObject claims = user.attributes().getJsonObject("accessToken", new JsonObject());
    if (!(claims.getValue("exp") instanceof Number expires)
        || !(claims.getValue("sub") instanceof String subject)
        || subject.isBlank()
        || subject.length() > 128) {
      throw refused();
    }
    Set<String> roles = new HashSet<>();
    if (claims.getValue("roles") instanceof JsonArray named) {
      for (Object role : named) {
        if (Roles.ALL.contains(role)) {
          roles.add((String) role);
        }
      }
    }
    String tenant = claims.getValue("tenant") instanceof String named ? named : null;
    return new VerifiedTokens.Verified(new Caller(subject, tenant, roles), expires.longValue());
  }

  /** One answer to every bad token: which check failed is no business of who sent it. */
  static Problem refused() {
    return Problem.of(
        401,
        "the bearer token is not valid, expected one of the configured issuer with sub and exp");
  }
}
