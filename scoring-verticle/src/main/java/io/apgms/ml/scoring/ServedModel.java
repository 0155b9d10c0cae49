package io.apgms.ml.scoring;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.Histogram;
import io.apgms.ml.registry.Manifest.Slo;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a loaded version; one object per load, so identity is version and load.
 *
 * @param scoreBaseline distribution of its scores over the training snapshot
 */
public record ServedModel(
    String modelId,
    String version,
    String digest,
    List<Feature> features,
    double threshold,
    Slo slo,
    List<GoldenRow> golden,
    @Nullable Histogram scoreBaseline) {
  public ServedModel {
    features = List.copyOf(features);
    golden = List.copyOf(golden);
  }

  /** One whose scores have no baseline. */
  public ServedModel(
      String modelId,
      String version,
      String digest,
      List<Feature> features,
      double threshold,
      Slo slo,
      List<GoldenRow> golden) {
    this(modelId, version, digest, features, threshold, slo, golden, null);
  }
}
