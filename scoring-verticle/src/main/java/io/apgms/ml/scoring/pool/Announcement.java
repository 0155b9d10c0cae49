package io.apgms.ml.scoring.pool;

import java.util.Set;

/**
 * What a scoring process says of itself several times a second.
 *
 * @param node id of the process in the cluster
 * @param address where it takes {@link Ask}s
 * @param windowRows rows that one edge may have under way there
 * @param versions loaded there
 */
record Announcement(String node, String address, int windowRows, Set<VersionKey> versions) {
  Announcement {
    versions = Set.copyOf(versions);
  }
}
