package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The workflows: linted, pinned, bounded, and nothing in them that make does not do. */
class ITWorkflows {
  private static final Path FOLDER = RunningService.HOME.resolve(".github/workflows");

  @TempDir Path dir;

  private static List<Path> workflows() throws IOException {
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.sorted().toList();
    }
  }

  private static JsonNode yaml(Path file) throws IOException {
    return new YAMLMapper().readTree(Files.readString(file));
  }

  private static int run(StringBuilder out, Path folder, String... command) throws Exception {
    Process p =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    out.append(new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    return p.waitFor();
  }

  @Test
  void lint_workflowsAsTheyAre_areClean() throws Exception {
    StringBuilder out = new StringBuilder();
    assertThat(run(out, RunningService.HOME, "make", "-s", "workflows"))
        .as(out.toString())
        .isZero();
  }

  @Test
  void lint_plantedFault_isFound() throws Exception {
    Path planted = dir.resolve("nightly.yml");
    Files.writeString(
        planted,
        Files.readString(FOLDER.resolve("nightly.yml"))
            .replace("steps.retrain.outputs.candidate }}", "stepz.retrain.outputs.candidate }}"));
    StringBuilder out = new StringBuilder();
    String installer = RunningService.HOME.resolve("tools/install-go-tool.sh").toString();
    assertThat(run(out, dir, "bash", "-c", "$(" + installer + " actionlint) " + planted))
        .as(out.toString())
        .isEqualTo(1);
    assertThat(out).contains("stepz");
  }

  /** What a workflow must not have, in words. */
  private static List<String> faults(String name, JsonNode workflow) {
    List<String> faults = new ArrayList<>();
    if (!workflow.path("permissions").toString().equals("{\"contents\":\"read\"}")) {
      faults.add(name + ": permissions, expected contents: read alone");
    }
    if (!workflow.path("concurrency").has("group")) {
      faults.add(name + ": no concurrency group");
    }
    for (JsonNode job : workflow.path("jobs")) {
      if (!job.path("timeout-minutes").isInt()) {
        faults.add(name + ": a job without timeout-minutes");
      }
      for (JsonNode step : job.path("steps")) {
        String uses = step.path("uses").asText();
        if (!uses.isEmpty() && !uses.matches("actions/[a-z-]+@[0-9a-f]{40}")) {
          faults.add(name + ": " + uses + ", expected a SHA");
        }
        String run = step.path("run").asText();
        if (!run.isEmpty() && !run.matches("make [a-z-]+")) {
          faults.add(name + ": " + run + ", expected make and a target");
        }
      }
    }
    return faults;
  }

  @Test
  void workflows_areBoundedPinnedAndOnlyCallMake() throws IOException {
    List<String> faults = new ArrayList<>();
    for (Path file : workflows()) {
      faults.addAll(faults(String.valueOf(file.getFileName()), yaml(file)));
    }
    assertThat(workflows()).hasSizeGreaterThanOrEqualTo(3);
    assertThat(faults).isEmpty();
  }

  @Test
  void workflows_withPlantedFaults_areFound() throws IOException {
    String planted =
        Files.readString(FOLDER.resolve("ci.yml"))
            .replace("contents: read", "contents: write")
            .replace("run: make check", "run: mvn verify")
            .replaceFirst("checkout@[0-9a-f]{40}", "checkout@v4")
            .replaceFirst("timeout-minutes: 30", "continue-on-error: false");
    assertThat(faults("planted", new YAMLMapper().readTree(planted))).hasSize(4);
  }

  @Test
  void nightly_runsWednesdayAtTwoInTheMorningAest() throws IOException {
    JsonNode nightly = yaml(FOLDER.resolve("nightly.yml"));
    assertThat(nightly.path("on").path("schedule").path(0).path("cron").asText())
        .isEqualTo("0 16 * * 2");
    LocalDate tuesday = LocalDate.of(2026, 11, 24);
    assertThat(tuesday.getDayOfWeek()).isEqualTo(DayOfWeek.TUESDAY);
    for (LocalDate day : List.of(tuesday, tuesday.minusWeeks(26))) {
      ZonedDateTime there =
          LocalDateTime.of(day, LocalTime.of(16, 0))
              .atZone(ZoneOffset.UTC)
              .withZoneSameInstant(ZoneId.of("Australia/Brisbane"));
      assertThat(there.getDayOfWeek()).isEqualTo(DayOfWeek.WEDNESDAY);
      assertThat(there.toLocalTime()).isEqualTo(LocalTime.of(2, 0));
    }
  }
}
