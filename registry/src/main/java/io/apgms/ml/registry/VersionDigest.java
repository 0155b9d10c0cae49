package io.apgms.ml.registry;

import java.util.List;

/**
 * A shipped version that enters a fresh database.
 *
 * @param digest {@code sha256:…} of its manifest
 * @param gatesNotPassed names of the gates it failed or that were not run; empty when it passed all
 */
public record VersionDigest(String version, String digest, List<String> gatesNotPassed) {
  public VersionDigest {
    Names.requireVersion(version);
    Text.requireDigest(digest);
    gatesNotPassed = List.copyOf(gatesNotPassed);
  }
}
