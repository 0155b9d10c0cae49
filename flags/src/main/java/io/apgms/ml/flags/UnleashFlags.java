package io.apgms.ml.flags;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The flag from an Unleash server, asked every second however it answered before: an outage of
 * hours is over within the second in which the server is back. Only what the server itself has just
 * said is taken; nothing is kept on disk, so there is no file that could say act.
 *
 * <p>One thread asks and reads. What is told back, how often the flag was asked, is sent beside it
 * and never waited for.
 */
public final class UnleashFlags implements FlagSource {
  private static final Logger LOG = LoggerFactory.getLogger(UnleashFlags.class);
  private static final long PERIOD_MS = 1_000;
  private static final long USAGE_MS = 10_000;
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final FlagFetch service;
  private final DecisionModes modes;
  private final ScheduledExecutorService asker =
      Executors.newSingleThreadScheduledExecutor(Daemons.named("flags-unleash"));
  private @Nullable FlagDocument last;
  private @Nullable String etag;
  private @Nullable String complaint;

  UnleashFlags(FlagFetch service, DecisionModes modes) {
    this.service = service;
    this.modes = modes;
  }

  /**
   * Starts to ask; returns at once, whether the server is there or not.
   *
   * @param url as of {@link UnleashUrl#api}
   * @param token a backend token, which says of which environment the flags are
   */
  public static FlagSource start(String url, String token, DecisionModes modes) {
    UnleashApi api = new UnleashApi(UnleashUrl.api(url), token, TIMEOUT);
    UnleashFlags source = new UnleashFlags(api, modes);
    UnleashUsage usage = new UnleashUsage(api::post, modes.usage(), Clock.systemUTC());
    var unused =
        source.asker.scheduleWithFixedDelay(
            () -> source.ask(System.nanoTime()), 0, PERIOD_MS, TimeUnit.MILLISECONDS);
    unused = source.asker.scheduleWithFixedDelay(usage::tell, 0, USAGE_MS, TimeUnit.MILLISECONDS);
    return source;
  }

  /** Asks once; an answer counts from before it was asked for. */
  void ask(long nowNanos) {
    try {
      FlagDocument flags = read(service.fetch(last == null ? null : etag));
      modes.fetched(flags.mode(), ModeSource.UNLEASH, nowNanos);
      modes.canary().fetched(flags.canary(), nowNanos);
      if (complaint != null) {
        LOG.info("the flag service answers again");
      }
      complaint = null;
    } catch (FlagSnapshot.Malformed e) {
      last = null; // until a better one comes, the flag ages
      complain(String.valueOf(e.getMessage()));
    } catch (IOException | RuntimeException e) { // or asking would end
      complain(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private FlagDocument read(FlagFetch.Answer answer) throws IOException, FlagSnapshot.Malformed {
    FlagDocument known = etag == null ? null : last;
    if (answer.status() == 304 && known != null) {
      return known;
    }
    if (answer.status() != 200) {
      throw new IOException("it answers " + answer.status() + ", expected 200");
    }
    if (!answer.type().regionMatches(true, 0, "application/json", 0, 16)) {
      throw new FlagSnapshot.Malformed("its type is no JSON, expected application/json");
    }
    FlagDocument flags = FlagDocument.parse(new String(answer.body(), StandardCharsets.UTF_8));
    last = flags;
    etag = header(answer.etag());
    return flags;
  }

  /** What may be sent back as it came. */
  private static @Nullable String header(@Nullable String etag) {
    return etag == null || !etag.matches("[\\x21-\\x7e]{1,256}") ? null : etag;
  }

  private void complain(String now) {
    if (!now.equals(complaint)) {
      LOG.warn("the flag service's answer cannot be used: {}", now);
      complaint = now;
    }
  }

  @Override
  public void close() {
    asker.shutdownNow();
  }
}
