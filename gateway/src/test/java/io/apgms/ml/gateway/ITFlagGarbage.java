package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.apgms.ml.flags.Garbage;
import io.apgms.ml.flags.StubFlagService;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A flag service that answers anything but flags, before a real process: decisions go on as fast,
 * in observe. FlagGarbageTest has every kind of it; here are those that could cost time or memory.
 */
class ITFlagGarbage {
  private static final boolean SOAK = Boolean.getBoolean("soak");
  private static final List<String> COSTLY =
      List.of(
          "act in 50 MB of space",
          "50 MB in chunks",
          "a header without end",
          "headers without end",
          "act, a byte a second",
          "status 500 Internal Server Error");

  private static final String CASE =
      ITFaults.CASE.replaceFirst("\\{", "{\"entityId\":\"company-17\","); // or act leaves it out

  @TempDir Path dir;

  private static JsonNode decision(RunningService service) {
    try {
      HttpResponse<String> answer = service.api("POST", "/ml/score", CASE);
      assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
      return RunningService.json(answer).path("decision");
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static boolean acts(RunningService service) {
    return decision(service).path("mode").asText().equals("act");
  }

  private static long residentMiB(RunningService service) throws IOException {
    String status = Files.readString(Path.of("/proc/" + service.handle().pid() + "/status"));
    return Long.parseLong(status.replaceAll("(?s).*VmRSS:\\s+(\\d+) kB.*", "$1")) >> 10;
  }

  private static List<Garbage> garbage() {
    List<Garbage> all = Garbage.all();
    return SOAK ? all : all.stream().filter(g -> COSTLY.contains(g.name())).toList();
  }

  /** Until it was asked for at least once since, and had its time. */
  private static void served(StubFlagService stub, StubFlagService.Answer answer)
      throws InterruptedException {
    stub.answers(answer);
    int asked = stub.asked();
    RunningService.await(Duration.ofSeconds(10), () -> stub.asked() > asked + 1);
  }

  private static Map<String, String> settings(StubFlagService stub) {
    String noCap = "1000000000"; // else that is what ends act
    return Map.of("UNLEASH_URL", stub.url(), "UNLEASH_API_TOKEN", "x", "ML_ACTION_CAP", noCap);
  }

  @Test
  void decide_flagServiceGivesGarbage_observesAndIsNotSlowed() throws Exception {
    assertThat(garbage()).hasSizeGreaterThanOrEqualTo(COSTLY.size());
    try (StubFlagService stub = new StubFlagService(Garbage.flags(Garbage.OBSERVE));
        RunningService service = RunningService.start(dir, settings(stub));
        SteadyClient steady = SteadyClient.deciding(service, CASE)) {
      steady.await(2_000); // warm
      int warm = steady.answered();
      steady.await(1_000);
      int began = steady.answered();
      double before = steady.p99Ms(warm, began);
      long residentBefore = residentMiB(service);
      for (Garbage garbage : garbage()) {
        served(stub, garbage.answer());
        assertThat(acts(service)).as(garbage.name()).isFalse();
      }
      double during = steady.p99Ms(began, steady.answered());
      long grown = residentMiB(service) - residentBefore;
      System.out.printf(
          "decisions beside %d kinds of garbage: p99 %.1f ms before, %.1f ms meanwhile, %d answers,"
              + " %+d MiB resident%n",
          garbage().size(), before, during, steady.answered() - began, grown);
      assertThat(steady.failed()).isZero();
      assertThat(during).isLessThan(Math.max(3 * before, SOAK ? 20 : 60));
      assertThat(grown).isLessThan(96);
      assertThat(service.metric("apgms_ml_decisions_total", "mode=\"act\"")).isZero();

      // and the way back: what it says next is in force at once
      stub.answers(Garbage.flags(Garbage.ACT));
      long good = System.nanoTime();
      RunningService.await(Duration.ofSeconds(10), () -> acts(service));
      System.out.printf(
          "acts %d ms after the first good answer%n",
          TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - good));
      if (SOAK) {
        staleThenFlapping(stub, service);
      }
    }
  }

  private static void staleThenFlapping(StubFlagService stub, RunningService service)
      throws Exception {
    stub.answers(Garbage.all().get(0).answer());
    RunningService.await(Duration.ofSeconds(35), () -> !acts(service));
    assertThat(decision(service).path("modeSource").asText()).isEqualTo("stale");
    AtomicInteger flaps = new AtomicInteger();
    stub.answers(
        out ->
            Garbage.flags(flaps.getAndIncrement() % 2 == 0 ? Garbage.ACT : Garbage.OBSERVE)
                .write(out));
    int turns = 0;
    boolean before = false;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (System.nanoTime() < end) {
      boolean is = acts(service);
      turns += is && !before ? 1 : 0;
      before = is;
    }
    assertThat(flaps.get()).isGreaterThan(20);
    assertThat(turns).isBetween(1, 7);
  }
}
