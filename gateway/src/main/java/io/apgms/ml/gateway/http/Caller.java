package io.apgms.ml.gateway.http;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who calls.
 *
 * @param subject of the token; {@code anonymous} without one
 * @param tenant of the token, part of the flag context
 */
public record Caller(String subject, @Nullable String tenant, Set<String> roles) {
  /** A caller without a token, as the API listener takes in development. */
  public static final Caller ANONYMOUS = new Caller("anonymous", null, Set.of());

  public Caller {
    roles = Set.copyOf(roles);
  }
}
