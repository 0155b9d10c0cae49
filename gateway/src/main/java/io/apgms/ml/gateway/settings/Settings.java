package io.apgms.ml.gateway.settings;

import io.apgms.ml.feedback.ActionSink;
import io.apgms.ml.feedback.WebhookSecrets;
import io.apgms.ml.flags.UnleashUrl;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** All settings of {@code serve}, read once and checked before anything starts. */
public record Settings(
    Http http,
    Management management,
    Limits limits,
    @Nullable Tls tls,
    Data data,
    Database database,
    Registry registry,
    Decision decision,
    @Nullable Actions actions,
    Unleash unleash,
    Scoring scoring,
    Audit audit,
    Auth auth,
    Approvals approvals,
    Alerts alerts,
    @Nullable Jira jira,
    @Nullable PagerDuty pagerDuty,
    Prometheus prometheus,
    Log log,
    Tracing tracing,
    ClusterSettings cluster) {

  /**
   * The API listener.
   *
   * @param turnMs 0 for no limit of scoring requests
   */
  public record Http(
      String host,
      int port,
      int loops,
      int maxBodyBytes,
      int maxBatchBytes,
      int maxConnections,
      int idleTimeoutMs,
      int defaultTimeoutMs,
      int turnMs) {}

  /**
   * The management listener.
   *
   * @param drainMs from not being ready to the end of the API listener, when the service is ended
   */
  public record Management(String host, int port, int drainMs) {}

  /**
   * What one client may take of both listeners.
   *
   * @param connectionsPerAddress 0 for no bound of its own
   * @param responseTimeoutMs what was written must have been taken after this
   */
  public record Limits(
      int headerTimeoutMs, int bodyTimeoutMs, int responseTimeoutMs, int connectionsPerAddress) {}

  /** The certificate and its key as PEM files; null where both listeners speak plain HTTP. */
  public record Tls(Path cert, Path key) {}

  /** What is kept on this machine. */
  public record Data(Path dir, long spoolMaxBytes, boolean log, Path redactionKeys) {}

  /** PostgreSQL; an empty url means the embedded one in the data folder. */
  public record Database(String url, int poolSize, int timeoutMs) {
    /** Without the url: it carries a password. */
    @Override
    public String toString() {
      return "Database[embedded=" + url.isEmpty() + "]";
    }
  }

  /**
   * The artifacts, the file that says who may sign them, the limits of their gates, and the
   * versions this replica is held to by model id.
   */
  public record Registry(Path dir, Path trust, Path policy, Pins pins) {}

  /** Mode pin, flags file and blast-radius cap. */
  public record Decision(@Nullable String mode, Path flagsFile, int actionCap) {}

  /**
   * Where enforced actions are sent; null where they are not.
   *
   * @param concurrency sends at once to one sink
   */
  public record Actions(
      List<ActionSink> sinks, WebhookSecrets secrets, boolean allowPrivate, int concurrency) {
    public Actions {
      sinks = List.copyOf(sinks);
    }
  }

  /** The flag service; an empty url means the flags file. */
  public record Unleash(String url, String token) {
    /** Without the token. */
    @Override
    public String toString() {
      return "Unleash[url=" + url + "]";
    }
  }

  /** Bounds of the model's queue, and whether the model has an event loop of its own. */
  public record Scoring(int queueRows, int batchRows, boolean ownLoop) {}

  /**
   * The audit chain.
   *
   * @param headDir where its heads are exported to
   * @param sealMs between two roots of stored decisions in it
   * @param headMs between two exported heads
   */
  public record Audit(Path headDir, int sealMs, int headMs) {}

  /** Who may call; in mode dev the local issuer, in mode jwt the one at the URL. */
  public record Auth(String mode, String issuer, String audience, int requestsPerSecond) {
    /** Whether development identities are taken. */
    public boolean dev() {
      return mode.equals("dev");
    }
  }

  /** How long an approval counts. */
  public record Approvals(int validHours) {}

  /** How long drift must have lasted before a retraining is asked for. */
  public record Alerts(int driftAfterMs) {}

  /** Where tickets are mirrored; null where they are not. */
  public record Jira(String url, String project, String issueType, String email, String token) {
    /** Without the token. */
    @Override
    public String toString() {
      return "Jira[url=" + url + ", project=" + project + "]";
    }
  }

  /** Where notes of changes go; null where they do not. */
  public record PagerDuty(String url, String routingKey) {
    /** Without the key. */
    @Override
    public String toString() {
      return "PagerDuty[url=" + url + "]";
    }
  }

  /** Where alerts are read after a rollback; an empty url means nowhere. */
  public record Prometheus(String url) {}

  /** How log lines are written. */
  public record Log(boolean json) {}

  /** OpenTelemetry's own variables, as they are set. */
  public record Tracing(Map<String, String> variables) {
    public Tracing {
      variables = Map.copyOf(variables);
    }

    /** Without their values: headers may carry a key. */
    @Override
    public String toString() {
      return "Tracing" + variables.keySet();
    }
  }

  /** The versions an environment pin names: one for every model, or one a model. */
  public record Pins(@Nullable String all, Map<String, String> byModel) {
    public Pins {
      byModel = Map.copyOf(byModel);
    }

    /** The version this replica must serve of a model; null where it follows the pointer. */
    public @Nullable String of(String model) {
      return byModel.getOrDefault(model, all);
    }
  }

  /**
   * Reads {@code conf/application.yaml} below {@code home} with the environment over it.
   *
   * @throws SettingsException naming the key, its value and what was expected
   */
  public static Settings read(Path home, Map<String, String> environment) {
    SettingsReader in = SettingsReader.of(home, environment);
    Settings settings =
        new Settings(
            new Http(
                in.text("http.host", "ML_HTTP_HOST"),
                in.number("http.port", "ML_HTTP_PORT", 0, 65_535),
                in.number("http.loops", "ML_HTTP_LOOPS", 1, 64),
                in.number("http.maxBodyBytes", "ML_HTTP_MAX_BODY_BYTES", 1_024, 16 << 20),
                in.number("http.maxBatchBytes", "ML_HTTP_MAX_BATCH_BYTES", 1_024, 64 << 20),
                in.number("http.maxConnections", "ML_HTTP_MAX_CONNECTIONS", 1, 1_000_000),
                in.number("http.idleTimeoutMs", "ML_HTTP_IDLE_TIMEOUT_MS", 1_000, 3_600_000),
                in.number("http.defaultTimeoutMs", "ML_HTTP_DEFAULT_TIMEOUT_MS", 1, 60_000),
                in.number("http.turnMs", "ML_HTTP_TURN_MS", 0, 60_000)),
            new Management(
                in.text("management.host", "ML_MANAGEMENT_HOST"),
                in.number("management.port", "ML_MANAGEMENT_PORT", 0, 65_535),
                in.number("management.drainMs", "ML_DRAIN_MS", 0, 60_000)),
            limits(in),
            tls(in),
            data(in),
            new Database(
                in.text("database.url", "ML_DATABASE_URL"),
                in.number("database.poolSize", "ML_DATABASE_POOL_SIZE", 2, 64),
                in.number("database.timeoutMs", "ML_DATABASE_TIMEOUT_MS", 50, 30_000)),
            new Registry(
                in.path("registry.dir", "ML_REGISTRY_DIR"),
                in.path("registry.trust", "ML_TRUST_FILE"),
                in.path("registry.policy", "ML_POLICY_FILE"),
                pins(in.text("registry.pin", "ML_MODEL_VERSION"))),
            new Decision(
                in.oneOf("decision.mode", "ML_DECISION_MODE", "", "observe", "act"),
                in.path("decision.flagsFile", "ML_FLAGS_FILE"),
                in.number("decision.actionCap", "ML_ACTION_CAP", 0, 1_000_000_000)),
            ActionSettings.read(in),
            unleash(in),
            new Scoring(
                in.number("scoring.queueRows", "ML_SCORING_QUEUE_ROWS", 1, 1_000_000),
                in.number("scoring.batchRows", "ML_SCORING_BATCH_ROWS", 1, 4_096),
                in.flag("scoring.ownLoop", "ML_SCORING_OWN_LOOP")),
            audit(in),
            new Auth(
                String.valueOf(in.oneOf("auth.mode", "ML_AUTH", "dev", "jwt")),
                in.text("auth.issuer", "ML_JWT_ISSUER"),
                in.text("auth.audience", "ML_JWT_AUDIENCE"),
                in.number("auth.requestsPerSecond", "ML_AUTH_REQUESTS_PER_SECOND", 0, 1_000_000)),
            new Approvals(in.number("approvals.validHours", "ML_APPROVAL_VALID_HOURS", 1, 8_784)),
            new Alerts(
                in.number("alerts.driftAfterMs", "ML_DRIFT_RETRAIN_AFTER_MS", 1, 604_800_000)),
            JiraSettings.read(in),
            PagerDutySettings.read(in),
            prometheus(in),
            new Log("json".equals(in.oneOf("log.format", "ML_LOG_FORMAT", "text", "json"))),
            new Tracing(in.variables("OTEL_")),
            ClusterSettings.read(in));
    in.refuseUnknown();
    return settings.requireSafe();
  }

  private static Unleash unleash(SettingsReader in) {
    String url = in.text("unleash.url", "UNLEASH_URL");
    String token = in.text("unleash.token", "UNLEASH_API_TOKEN");
    try {
      if (!url.isEmpty()) {
        UnleashUrl.api(url);
      }
    } catch (IllegalArgumentException e) {
      throw new SettingsException(
          "unleash.url (UNLEASH_URL)",
          url.contains("@") ? "(one with a user)" : url,
          "a URL as http://unleash:4242/api");
    }
    if (!token.matches("[\\x21-\\x7e]*")) {
      throw new SettingsException(
          "unleash.token (UNLEASH_API_TOKEN)", "(set)", "a token of visible ASCII characters");
    }
    return new Unleash(url, token);
  }

  private static Data data(SettingsReader in) {
    Path dir = in.path("data.dir", "ML_DATA_DIR");
    boolean besideData = in.text("data.redactionKeys", "ML_REDACTION_KEYS").isEmpty();
    return new Data(
        dir,
        in.number("data.spoolMaxBytes", "ML_SPOOL_MAX_BYTES", 1 << 20, 1L << 40),
        in.flag("data.log", "ML_DECISION_LOG"),
        besideData
            ? dir.resolve("keys").resolve("redaction")
            : in.path("data.redactionKeys", "ML_REDACTION_KEYS"));
  }

  private static Audit audit(SettingsReader in) {
    boolean besideData = in.text("audit.headDir", "ML_AUDIT_HEAD_DIR").isEmpty();
    return new Audit(
        besideData
            ? in.path("data.dir", "ML_DATA_DIR").resolve("audit-heads")
            : in.path("audit.headDir", "ML_AUDIT_HEAD_DIR"),
        in.number("audit.sealMs", "ML_AUDIT_SEAL_MS", 1_000, 60_000),
        in.number("audit.headMs", "ML_AUDIT_HEAD_MS", 1_000, 60_000));
  }

  private static Prometheus prometheus(SettingsReader in) {
    String url = in.text("prometheus.url", "ML_PROMETHEUS_URL");
    if (!url.isEmpty() && !url.matches("https?://[^?#]+")) {
      throw new SettingsException(
          "prometheus.url (ML_PROMETHEUS_URL)", url, "an http or https URL without a query");
    }
    return new Prometheus(url);
  }

  private static Limits limits(SettingsReader in) {
    return new Limits(
        in.number("http.headerTimeoutMs", "ML_HTTP_HEADER_TIMEOUT_MS", 100, 3_600_000),
        in.number("http.bodyTimeoutMs", "ML_HTTP_BODY_TIMEOUT_MS", 100, 3_600_000),
        in.number("http.responseTimeoutMs", "ML_HTTP_RESPONSE_TIMEOUT_MS", 100, 3_600_000),
        in.number(
            "http.maxConnectionsPerAddress", "ML_HTTP_MAX_CONNECTIONS_PER_ADDRESS", 0, 1_000_000));
  }

  private static @Nullable Tls tls(SettingsReader in) {
    String cert = in.text("tls.cert", "ML_TLS_CERT");
    String key = in.text("tls.key", "ML_TLS_KEY");
    if (cert.isEmpty() && key.isEmpty()) {
      return null;
    }
    return new Tls(in.file("tls.cert", "ML_TLS_CERT"), in.file("tls.key", "ML_TLS_KEY"));
  }

  /** Development identities open every door: they must not be reachable from another machine. */
  private Settings requireSafe() {
    if (auth.dev()) {
      requireLoopback("http.host", http.host);
      requireLoopback("management.host", management.host);
    }
    requireIssuer();
    if (!data.log && "act".equals(decision.mode)) {
      throw new SettingsException("data.log", "false", "true where decision.mode is act");
    }
    if (!data.log && actions != null) {
      throw new SettingsException("data.log", "false", "true where action.sinks is set");
    }
    return this;
  }

  /** Keys must come from who is asked for them: by TLS, or from this very machine. */
  private void requireIssuer() {
    if (auth.dev() != auth.issuer.isEmpty()) {
      throw new SettingsException(
          "auth.issuer (ML_JWT_ISSUER)",
          auth.issuer,
          auth.dev() ? "empty while auth.mode is dev" : "the issuer's URL where auth.mode is jwt");
    }
    if (auth.dev()) {
      return;
    }
    if (auth.audience.isEmpty()) {
      throw new SettingsException(
          "auth.audience (ML_JWT_AUDIENCE)", "", "the audience that tokens are made for");
    }
    if (!auth.issuer.matches(
        "https://[^?#]+|http://(localhost|127[.]0[.]0[.]1|\\[::1])[:/][^?#]*")) {
      throw new SettingsException(
          "auth.issuer (ML_JWT_ISSUER)", auth.issuer, "an https URL, or http on loopback");
    }
  }

  private static void requireLoopback(String key, String host) {
    try {
      for (InetAddress address : InetAddress.getAllByName(host)) {
        if (!address.isLoopbackAddress()) {
          throw new SettingsException(key, host, "a loopback address while auth.mode is dev");
        }
      }
    } catch (UnknownHostException e) {
      throw new SettingsException(key, host, "an address of this machine");
    }
  }

  private static Pins pins(String text) {
    if (text.isEmpty()) {
      return new Pins(null, Map.of());
    }
    if (text.indexOf('=') < 0) {
      return new Pins(requireVersion(text, text), Map.of());
    }
    Map<String, String> byModel = new TreeMap<>();
    for (String part : text.split(",", 64)) {
      int equals = part.indexOf('=');
      if (equals < 1 || byModel.containsKey(part.substring(0, equals))) {
        throw new SettingsException("registry.pin", text, "V, or model=V,model=V");
      }
      byModel.put(part.substring(0, equals), requireVersion(part.substring(equals + 1), text));
    }
    return new Pins(null, byModel);
  }

  private static String requireVersion(String version, String text) {
    if (!io.apgms.ml.registry.Names.isVersion(version)) {
      throw new SettingsException("registry.pin", text, "versions as YYYYMMDD or YYYYMMDD-n");
    }
    return version;
  }
}
