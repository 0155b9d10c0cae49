package io.apgms.ml.flags;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The flag from a file, read again every half second; one that does not read well ages. */
public final class FlagFile implements FlagSource {
  private static final Logger LOG = LoggerFactory.getLogger(FlagFile.class);
  private static final long PERIOD_MS = 500;
  private static final long FIRST_MS = 2_000;

  /** Largest file that is read, in bytes. */
  static final int MAX_BYTES = 1 << 20;

  private final Path file;
  private final DecisionModes modes;
  private final ScheduledExecutorService reader =
      Executors.newSingleThreadScheduledExecutor(Daemons.named("flags-file"));
  private @Nullable String complaint;

  FlagFile(Path file, DecisionModes modes) {
    this.file = file;
    this.modes = modes;
  }

  /** Reads the file on a thread of its own; returns after the first time, if that does not hang. */
  public static FlagSource start(Path file, DecisionModes modes) {
    FlagFile source = new FlagFile(file, modes);
    CountDownLatch first = new CountDownLatch(1);
    var unused =
        source.reader.scheduleWithFixedDelay(
            () -> {
              source.read(System.nanoTime());
              first.countDown();
            },
            0,
            PERIOD_MS,
            TimeUnit.MILLISECONDS);
    try {
      if (!first.await(FIRST_MS, TimeUnit.MILLISECONDS)) {
        LOG.warn("flags file {} is not read after {} ms", file.getFileName(), FIRST_MS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return source;
  }

  /** Takes the file as it is now; says once what is wrong with it. */
  void read(long nowNanos) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new FlagSnapshot.Malformed("over " + MAX_BYTES + " bytes, expected fewer");
      }
      FlagDocument flags = FlagDocument.parse(new String(bytes, StandardCharsets.UTF_8));
      modes.fetched(flags.mode(), ModeSource.FILE, nowNanos);
      modes.canary().fetched(flags.canary(), nowNanos);
      complaint = null;
    } catch (IOException | FlagSnapshot.Malformed | RuntimeException e) { // or reading would end
      complain(e.toString());
    }
  }

  private void complain(String now) {
    if (!now.equals(complaint)) {
      LOG.warn("flags file {} cannot be used: {}", file.getFileName(), now);
      complaint = now;
    }
  }

  @Override
  public void close() {
    reader.shutdownNow();
  }
}
