package io.apgms.ml.gateway.gates;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.registry.Gate;
import io.apgms.ml.registry.GateResult;
import io.apgms.ml.registry.VerifiedArtifact;
import io.apgms.ml.registry.gate.Gates;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.registry.gate.ReproducibilityGate;
import io.apgms.ml.registry.gate.ReproducibilityGate.Comparison;
import io.apgms.ml.registry.gate.ReproducibilityGate.Difference;
import io.apgms.ml.registry.gate.ReproducibilityGate.Digests;
import io.apgms.ml.training.Progress;
import io.apgms.ml.training.Training;
import io.apgms.ml.training.report.ReportDifference;
import io.apgms.ml.training.torchscript.ArchiveDifference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Trains an artifact again: the commit that its training_run.json names, cloned into a folder of
 * its own and built there, over the snapshot that it names. What this checkout holds beside that
 * commit has no part in it. Blocking, for minutes; a commit is built once.
 */
public final class ReproducibilityRun implements AutoCloseable {
  private static final Duration GIT_BOUND = Duration.ofMinutes(2);
  private static final Duration BUILD_BOUND = Duration.ofMinutes(15);
  private static final Duration TRAIN_BOUND = Duration.ofMinutes(15);
  private static final int STEPS = 5;
  private static final Set<String> WEIGHTS = Set.of("modelSha256");
  private static final Set<String> WEIGHTS_AND_DIGEST = Set.of("modelSha256", "containerDigest");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path checkout;
  private final Progress progress;
  private final Scratch scratch;
  private final Map<String, Path> built = new HashMap<>();

  /**
   * @param checkout a git checkout whose history holds the commits
   */
  public ReproducibilityRun(Path checkout, Progress progress) throws IOException {
    this.checkout = checkout;
    this.progress = progress;
    this.scratch = Scratch.create();
  }

  /**
   * Runs and judges.
   *
   * @param data the rows; null for a generated source
   * @return inconclusive where it could not be run to its end
   */
  public GateResult check(VerifiedArtifact artifact, @Nullable Path data, Policy policy)
      throws IOException, InterruptedException {
    try {
      return ReproducibilityGate.check(compare(artifact, data), policy.reproducibility());
    } catch (Child.Failed e) {
      return Gates.inconclusive(Gate.reproducibility, String.valueOf(e.getMessage()));
    }
  }

  private Comparison compare(VerifiedArtifact artifact, @Nullable Path data)
      throws IOException, InterruptedException, Child.Failed {
    JsonNode run = JSON.readTree(file(artifact, "training_run.json"));
    String commit = run.path("gitCommit").asText();
    if (run.path("trainer").asText().equals(Training.EXTERNAL)) {
      throw new Child.Failed("it was trained elsewhere: nothing here can train it again");
    }
    requireData(run, data);
    Path clone = build(commit);
    Path out = Files.createTempDirectory(scratch.path(), "run-");
    Path schema = Files.write(out.resolve("given-schema.yaml"), file(artifact, "schema.yaml"));
    step(3);
    launch(clone, out, trainWords(run, schema, data, out));
    step(4);
    List<String> evaluate = new ArrayList<>(List.of("evaluate", "--run", out.toString()));
    addData(evaluate, data);
    launch(clone, out, evaluate);
    step(STEPS);
    byte[] weights = Files.readAllBytes(out.resolve("model.pt"));
    byte[] again = Files.readAllBytes(out.resolve("training_run.json"));
    return new Comparison(
        commit,
        new Difference(
            Arrays.equals(artifact.torchScript(), weights),
            ArchiveDifference.largest(artifact.torchScript(), weights)),
        reports(artifact, out),
        report("training_run.json", file(artifact, "training_run.json"), again, WEIGHTS_AND_DIGEST),
        new Digests(
            run.path("containerDigest").asText(),
            JSON.readTree(again).path("containerDigest").asText()));
  }

  private static void requireData(JsonNode run, @Nullable Path data) throws Child.Failed {
    String source = run.path("snapshot").path("source").asText();
    boolean generated = source.startsWith("generator ");
    if (!generated && (data == null || !Files.isRegularFile(data))) {
      throw new Child.Failed(
          "the snapshot is not here"
              + (data == null ? "" : " (" + data + ")")
              + ": expected the rows of "
              + source
              + " by --data or snapshots in the policy");
    }
  }

  private Path build(String commit) throws IOException, InterruptedException, Child.Failed {
    Path before = built.get(commit);
    if (before != null) {
      return before;
    }
    if (!commit.matches("[0-9a-f]{7,64}")) {
      throw new Child.Failed(
          "training_run.json names commit '" + commit + "', expected hex digits");
    }
    step(0);
    Path log = scratch.path().resolve("build.log");
    git(
        log,
        "commit " + commit + " is not in this checkout: expected its whole history",
        "-C",
        checkout.toString(),
        "cat-file",
        "-e",
        commit + "^{commit}");
    Path clone = scratch.path().resolve(commit);
    git(
        log,
        "no clone of this checkout",
        "clone",
        "-q",
        "--shared",
        "--no-checkout",
        checkout.toString(),
        clone.toString());
    git(
        log,
        "commit " + commit + " cannot be checked out",
        "-C",
        clone.toString(),
        "checkout",
        "-q",
        "--detach",
        commit);
    step(1);
    Child.run(clone, log, BUILD_BOUND, List.of("make", "build"));
    built.put(commit, clone);
    return clone;
  }

  private void git(Path log, String otherwise, String... words)
      throws IOException, InterruptedException, Child.Failed {
    List<String> command = new ArrayList<>(List.of("git"));
    command.addAll(List.of(words));
    try {
      Child.run(scratch.path(), log, GIT_BOUND, command);
    } catch (Child.Failed e) {
      throw new Child.Failed(otherwise + "; " + e.getMessage());
    }
  }

  private static List<String> trainWords(JsonNode run, Path schema, @Nullable Path data, Path out) {
    List<String> words =
        new ArrayList<>(List.of("train", "--schema", schema.toString(), "--out", out.toString()));
    words.addAll(List.of("--seed", run.path("seed").asText()));
    JsonNode window = run.path("snapshot").path("window");
    if (window.isObject()) {
      words.add("--window");
      words.add(window.path("from").asText() + ":" + window.path("to").asText());
    }
    addData(words, data);
    if (run.path("snapshot").path("source").asText().equals("data of another source")) {
      words.add("--any-data");
    }
    return words;
  }

  private static void addData(List<String> words, @Nullable Path data) {
    if (data != null) {
      words.addAll(List.of("--data", data.toAbsolutePath().toString()));
    }
  }

  private void launch(Path clone, Path out, List<String> words)
      throws IOException, InterruptedException, Child.Failed {
    List<String> command = new ArrayList<>();
    command.add(clone.resolve("bin/ml-service").toString());
    command.addAll(words);
    Child.run(clone, out.resolve(words.get(0) + ".log"), TRAIN_BOUND, command);
  }

  private static Difference reports(VerifiedArtifact artifact, Path out)
      throws IOException, Child.Failed {
    Difference all = new Difference(true, 0);
    for (String name : List.of("evaluation.json", "bias_report.json")) {
      Difference one =
          report(name, file(artifact, name), Files.readAllBytes(out.resolve(name)), WEIGHTS);
      all =
          new Difference(
              all.identical() && one.identical(), Math.max(all.largest(), one.largest()));
    }
    return all;
  }

  private static Difference report(String name, byte[] first, byte[] again, Set<String> apart) {
    double largest = ReportDifference.largest(name, first, again, apart);
    return new Difference(largest == 0, largest);
  }

  private static byte[] file(VerifiedArtifact artifact, String name) throws Child.Failed {
    byte[] bytes = artifact.reports().get(name);
    if (bytes == null) {
      throw new Child.Failed(name + " is missing, expected in the artifact");
    }
    return bytes;
  }

  private void step(int done) {
    progress.report("reproduce", done, STEPS);
  }

  @Override
  public void close() throws IOException {
    scratch.close();
  }
}
