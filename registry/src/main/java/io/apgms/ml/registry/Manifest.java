package io.apgms.ml.registry;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code manifest.json}: what an artifact folder holds and what the model takes and promises.
 *
 * @param model model id
 * @param version {@code YYYYMMDD} in UTC+10, or {@code YYYYMMDD-n}
 * @param files every file of the folder but the manifest and the signature
 * @param features the input columns in tensor order
 * @param scoreBaseline distribution of the score over the training snapshot
 * @param threshold scores at or above it are recommended for review; in (0, 1)
 * @param slo what the model's service promises
 * @param provenance what it was made from
 * @param validity when it may be loaded; null, and left out in the file, for always
 */
public record Manifest(
    String model,
    String version,
    List<FileEntry> files,
    List<Feature> features,
    Histogram scoreBaseline,
    double threshold,
    Slo slo,
    Provenance provenance,
    @JsonSetter(nulls = Nulls.SET) @JsonInclude(JsonInclude.Include.NON_NULL)
        @Nullable Validity validity) {

  private static final ObjectWriter PRETTY =
      StrictJson.MAPPER.writer(
          new DefaultPrettyPrinter()
              .withObjectIndenter(new DefaultIndenter("  ", "\n"))
              .withArrayIndenter(DefaultPrettyPrinter.FixedSpaceIndenter.instance));

  public Manifest {
    Names.requireModel(model);
    Names.requireVersion(version);
    files = List.copyOf(files);
    features = List.copyOf(features);
    if (features.isEmpty()) {
      throw new RegistryException.Corrupt("manifest: features is empty, expected at least one");
    }
    Set<String> names = new HashSet<>();
    for (Feature f : features) {
      if (!names.add(f.name())) {
        throw new RegistryException.Corrupt("manifest: feature " + f.name() + " stands twice");
      }
    }
    if (!(threshold > 0 && threshold < 1)) {
      throw new RegistryException.Corrupt(
          "manifest: threshold " + threshold + ", expected between 0 and 1");
    }
  }

  /** One that is valid for ever. */
  public Manifest(
      String model,
      String version,
      List<FileEntry> files,
      List<Feature> features,
      Histogram scoreBaseline,
      double threshold,
      Slo slo,
      Provenance provenance) {
    this(model, version, files, features, scoreBaseline, threshold, slo, provenance, null);
  }

  /** One file: its SHA-256 in lower-case hex and its size in bytes. */
  public record FileEntry(String name, String sha256, long size) {}

  /** How a feature is written in a request. */
  public enum FeatureType {
    number,
    integer
  }

  /**
   * One input column.
   *
   * @param min smallest accepted value
   * @param max largest accepted value
   * @param nullable whether null (a missing value, NaN in the tensor) is accepted
   * @param baseline its distribution over the training snapshot
   */
  public record Feature(
      String name,
      FeatureType type,
      double min,
      double max,
      boolean nullable,
      @JsonSetter(nulls = Nulls.SET) @Nullable Histogram baseline) {
    public Feature {
      if (name.isEmpty() || name.length() > 64) {
        throw new RegistryException.Corrupt(
            "manifest: feature name of " + name.length() + " characters, expected 1 to 64");
      }
      if (!(min <= max) || Double.isInfinite(min) || Double.isInfinite(max)) {
        throw new RegistryException.Corrupt(
            "manifest: feature " + name + " has range " + min + " to " + max);
      }
    }
  }

  /**
   * Counts between edges: bin i holds values in (edges[i-1], edges[i]]; the first and the last bin
   * are open. {@code counts} is one longer than {@code edges}.
   */
  public record Histogram(List<Double> edges, List<Long> counts, long missing) {
    public Histogram {
      edges = List.copyOf(edges);
      counts = List.copyOf(counts);
      if (counts.size() != edges.size() + 1) {
        throw new RegistryException.Corrupt(
            "manifest: histogram with "
                + edges.size()
                + " edges has "
                + counts.size()
                + " counts, expected "
                + (edges.size() + 1));
      }
      double previous = Double.NEGATIVE_INFINITY;
      for (double edge : edges) {
        if (!(edge >= previous) || Double.isInfinite(edge)) {
          throw new RegistryException.Corrupt(
              "manifest: histogram edge " + edge + ", expected a finite number from " + previous);
        }
        previous = edge;
      }
      if (missing < 0 || counts.stream().anyMatch(count -> count < 0)) {
        throw new RegistryException.Corrupt("manifest: histogram has a count below zero");
      }
    }
  }

  /** Share of requests answered without error, and the latency that 95 % stay under. */
  public record Slo(double availability, long latencyMs) {
    public Slo {
      if (!(availability > 0 && availability < 1) || latencyMs < 1) {
        throw new RegistryException.Corrupt(
            "manifest: slo of "
                + availability
                + " and "
                + latencyMs
                + " ms, expected between 0 and 1 and at least 1 ms");
      }
    }
  }

  /**
   * What the model was made from.
   *
   * @param gitCommit commit of the trainer
   * @param datasetSha256 of the training snapshot as plain CSV
   * @param containerDigest of the training image, or of the jar until an image exists
   * @param trainer name and version of the training code
   */
  public record Provenance(
      String gitCommit,
      String datasetSha256,
      long datasetRows,
      String containerDigest,
      String trainer,
      long seed) {}

  /** Reads a manifest strictly: an unknown, missing, duplicate or mistyped key is refused. */
  public static Manifest parse(byte[] json) {
    try {
      JsonNode tree = StrictJson.MAPPER.readTree(json);
      if (tree instanceof ObjectNode object && !object.has("validity")) {
        object.putNull("validity"); // the one key that may be left out
      }
      Manifest manifest = StrictJson.MAPPER.treeToValue(tree, Manifest.class);
      if (manifest == null) {
        throw new RegistryException.Corrupt("manifest: null, expected an object");
      }
      return manifest;
    } catch (JsonProcessingException e) {
      if (e.getCause() instanceof RegistryException.Corrupt refused) {
        throw refused;
      }
      if (e.getCause() instanceof RegistryException.Invalid name) {
        throw new RegistryException.Corrupt("manifest: " + name.getMessage());
      }
      throw new RegistryException.Corrupt("manifest: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new RegistryException.Corrupt("manifest: " + e.getMessage());
    }
  }

  /** The manifest as stable, indented UTF-8 JSON with a final newline. */
  public byte[] toJson() {
    try {
      return (PRETTY.writeValueAsString(this) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a manifest can always be written", e);
    }
  }
}
