package io.apgms.ml.scoring;

import io.apgms.ml.registry.GoldenRow;
import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.Slo;
import java.util.List;

/** What is known of a loaded version; one object per load, so identity is version and load. */
public record ServedModel(
    String modelId,
    String version,
    String digest,
    List<Feature> features,
    double threshold,
    Slo slo,
    List<GoldenRow> golden) {
  public ServedModel {
    features = List.copyOf(features);
    golden = List.copyOf(golden);
  }
}
