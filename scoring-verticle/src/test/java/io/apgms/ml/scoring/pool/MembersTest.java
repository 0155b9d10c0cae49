package io.apgms.ml.scoring.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;

class MembersTest {
  private static final VersionKey V1 = new VersionKey("m", "20260101", "sha256:1");
  private static final VersionKey V2 = new VersionKey("m", "20260102", "sha256:2");
  private static final VersionKey OTHER = new VersionKey("n", "20260101", "sha256:3");

  private final Members members = new Members();

  private void announce(String address, VersionKey... versions) {
    members.heard(new Announcement("node-" + address, address, 64, Set.of(versions)), 0);
  }

  @Test
  void commonVersions_oneLacksAVersion_areThoseOfAll() {
    assertThat(members.commonVersions()).isEmpty();
    announce("a", V1, V2);
    assertThat(members.commonVersions()).containsExactlyInAnyOrder(V1, V2);
    announce("b", V1);
    assertThat(members.commonVersions()).containsExactly(V1);
    assertThat(members.versions()).containsExactlyInAnyOrder(V1, V2);
    announce("b", V1, V2);
    assertThat(members.commonVersions()).containsExactlyInAnyOrder(V1, V2);
  }

  /**
   * One that starts has none of the model yet, one that leaves none at all: neither is waited for.
   */
  @Test
  void commonVersions_oneServesNoneOfTheModel_doNotDependOnIt() {
    announce("a", V1, V2, OTHER);
    announce("b");
    announce("c", OTHER);
    assertThat(members.commonVersions()).containsExactlyInAnyOrder(V1, V2, OTHER);
    announce("d", new VersionKey("m", "20260102", "sha256:altered"));
    assertThat(members.commonVersions()).as("by digest").containsExactly(OTHER);
    members.left("node-d");
    assertThat(members.commonVersions()).containsExactlyInAnyOrder(V1, V2, OTHER);
  }
}
