package io.apgms.ml.flags;

import io.getunleash.DefaultUnleash;
import io.getunleash.Unleash;
import io.getunleash.event.ClientFeaturesResponse;
import io.getunleash.repository.FeatureFetcher;
import io.getunleash.repository.HttpFeatureFetcher;
import io.getunleash.util.UnleashConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The flag from an Unleash server through its SDK, asked every second. Only what the server itself
 * answers is taken: neither the SDK's backup file nor a bootstrap makes anybody act.
 *
 * <p>The SDK's constructor and its fetches block, so both have threads of their own.
 */
public final class UnleashFlags implements FlagSource {
  private static final Logger LOG = LoggerFactory.getLogger(UnleashFlags.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(2);
  private static final String APP = "ml-service";

  private final DecisionModes modes;
  private final ExecutorService starter =
      Executors.newSingleThreadExecutor(Daemons.named("flags-unleash"));
  private @Nullable FlagSnapshot last;
  private @Nullable Unleash sdk;
  private boolean closed;
  private boolean complained;

  UnleashFlags(DecisionModes modes) {
    this.modes = modes;
  }

  /**
   * Starts to ask; returns at once, whether the server is there or not.
   *
   * @param url of the API, as in {@code http://unleash:4242/api}
   * @param token a backend token
   * @param backupDir where the SDK may keep its backup, a folder of this replica alone
   */
  public static FlagSource start(String url, String token, Path backupDir, DecisionModes modes) {
    UnleashFlags source = new UnleashFlags(modes);
    UnleashConfig config =
        UnleashConfig.builder()
            .appName(APP)
            .instanceId(APP + '-' + ProcessHandle.current().pid())
            .unleashAPI(url)
            .apiKey(token)
            .backupFile(backupDir.resolve("backup.json").toString())
            .fetchTogglesInterval(1)
            .fetchTogglesConnectTimeout(TIMEOUT)
            .fetchTogglesReadTimeout(TIMEOUT)
            .sendMetricsConnectTimeout(TIMEOUT)
            .sendMetricsReadTimeout(TIMEOUT)
            .unleashFeatureFetcherFactory(c -> source.heard(new HttpFeatureFetcher(c)))
            .build();
    source.starter.execute(() -> source.build(config, backupDir));
    return source;
  }

  private void build(UnleashConfig config, Path backupDir) {
    if (!backupDir.toFile().isDirectory() && !backupDir.toFile().mkdirs()) {
      LOG.warn("no folder for the flag service's backup could be made");
    }
    Unleash built = new DefaultUnleash(config);
    synchronized (this) {
      sdk = built;
      if (closed) {
        built.shutdown();
      }
    }
  }

  /** The same fetcher, overheard; an answer counts from before it was asked for. */
  FeatureFetcher heard(FeatureFetcher fetcher) {
    return () -> {
      long askedNanos = System.nanoTime();
      ClientFeaturesResponse answer = fetcher.fetchFeatures();
      took(answer, askedNanos);
      return answer;
    };
  }

  private synchronized void took(ClientFeaturesResponse answer, long askedNanos) {
    switch (answer.getStatus()) {
      case CHANGED -> last = parsed(answer.getClientFeatures().orElse(""));
      case NOT_CHANGED -> {}
      case UNAVAILABLE -> {
        return;
      }
    }
    if (last != null) {
      modes.fetched(last, ModeSource.UNLEASH, askedNanos);
    }
  }

  /** Null for a body that is no flags: until a better one comes, the flag ages. */
  private @Nullable FlagSnapshot parsed(String body) {
    try {
      FlagSnapshot flag = FlagSnapshot.parse(body);
      complained = false;
      return flag;
    } catch (FlagSnapshot.Malformed e) {
      if (!complained) {
        LOG.warn("the flag service's answer cannot be used: {}", e.getMessage());
        complained = true;
      }
      return null;
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    starter.shutdown();
    if (sdk != null) {
      sdk.shutdown();
    }
  }
}
