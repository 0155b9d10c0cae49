package io.apgms.ml.gateway.settings;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What this process does, and where it finds those that do the rest.
 *
 * @param members host:port of some that run already
 * @param windowRows rows that all edges together may have under way at one event loop that scores
 * @param retry false only to see what comes without it
 * @param tls of messages between processes; null for none
 */
public record ClusterSettings(
    Set<Role> roles,
    String name,
    String host,
    int port,
    int busPort,
    List<String> members,
    int windowRows,
    boolean retry,
    @Nullable ClusterTls tls) {
  private static final String MEMBER = "[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?";

  /** What one process may do. */
  public enum Role {
    EDGE,
    SCORING,
    DATA
  }

  /** PEM files: this process' certificate and key, and who signs the others'. */
  public record ClusterTls(Path cert, Path key, Path ca) {}

  public ClusterSettings {
    roles = Set.copyOf(roles);
    members = List.copyOf(members);
  }

  public boolean edge() {
    return roles.contains(Role.EDGE);
  }

  public boolean scoring() {
    return roles.contains(Role.SCORING);
  }

  public boolean data() {
    return roles.contains(Role.DATA);
  }

  /** Whether what is decided here is scored elsewhere, or the other way round. */
  public boolean apart() {
    return edge() != scoring();
  }

  static ClusterSettings read(SettingsReader in) {
    ClusterSettings settings =
        new ClusterSettings(
            roles(in.text("cluster.roles", "ML_ROLES")),
            name(in.text("cluster.name", "ML_CLUSTER_NAME")),
            host(in.text("cluster.host", "ML_CLUSTER_HOST")),
            in.number("cluster.port", "ML_CLUSTER_PORT", 1, 65_535),
            in.number("cluster.busPort", "ML_CLUSTER_BUS_PORT", 1, 65_535),
            members(in.text("cluster.members", "ML_CLUSTER_MEMBERS")),
            in.number("cluster.windowRows", "ML_CLUSTER_WINDOW_ROWS", 64, 1_000_000),
            in.flag("cluster.retry", "ML_CLUSTER_RETRY"),
            tls(in));
    if (settings.apart()) {
      requireShared(in.text("database.url", "ML_DATABASE_URL"), settings.roles());
    }
    return settings;
  }

  /** Each would have one of its own otherwise, and pointers that nobody else sees. */
  private static void requireShared(String url, Set<Role> roles) {
    if (url.isEmpty()) {
      String named = roles.contains(Role.EDGE) ? "edge and not scoring" : "scoring and not edge";
      throw new SettingsException(
          "database.url (ML_DATABASE_URL)",
          url,
          "the PostgreSQL that all share where cluster.roles (ML_ROLES) has " + named);
    }
  }

  private static Set<Role> roles(String text) {
    Set<Role> roles = EnumSet.noneOf(Role.class);
    for (String word : text.split(",", -1)) {
      Role role =
          Arrays.stream(Role.values())
              .filter(r -> r.name().toLowerCase(Locale.ROOT).equals(word.strip()))
              .findAny()
              .orElse(null);
      if (role == null || !roles.add(role)) {
        throw new SettingsException(
            "cluster.roles (ML_ROLES)", text, "each at most once of edge,scoring,data");
      }
    }
    return roles;
  }

  private static String name(String text) {
    if (!text.matches("[A-Za-z0-9._-]{1,64}")) {
      throw new SettingsException(
          "cluster.name (ML_CLUSTER_NAME)", text, "1 to 64 of A-Za-z0-9._-");
    }
    return text;
  }

  /** An address of this machine and no wildcard: members are told of it. */
  private static String host(String text) {
    if (!text.matches("[0-9A-Za-z.:-]{1,253}") || text.equals("0.0.0.0") || text.equals("::")) {
      throw new SettingsException(
          "cluster.host (ML_CLUSTER_HOST)", text, "the address others reach this process at");
    }
    return text;
  }

  private static List<String> members(String text) {
    if (text.isBlank()) {
      return List.of();
    }
    List<String> members = Arrays.stream(text.split(",", 64)).map(String::strip).toList();
    for (String member : members) {
      if (!member.matches(MEMBER)) {
        throw new SettingsException(
            "cluster.members (ML_CLUSTER_MEMBERS)", text, "host:port,host:port, at most 64");
      }
    }
    return members;
  }

  private static @Nullable ClusterTls tls(SettingsReader in) {
    String cert = in.text("cluster.tlsCert", "ML_CLUSTER_TLS_CERT");
    String key = in.text("cluster.tlsKey", "ML_CLUSTER_TLS_KEY");
    String ca = in.text("cluster.tlsCa", "ML_CLUSTER_TLS_CA");
    if (cert.isEmpty() && key.isEmpty() && ca.isEmpty()) {
      return null;
    }
    return new ClusterTls(
        in.file("cluster.tlsCert", "ML_CLUSTER_TLS_CERT"),
        in.file("cluster.tlsKey", "ML_CLUSTER_TLS_KEY"),
        in.file("cluster.tlsCa", "ML_CLUSTER_TLS_CA"));
  }
}
