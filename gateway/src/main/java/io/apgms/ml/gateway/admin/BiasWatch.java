package io.apgms.ml.gateway.admin;

import io.apgms.ml.feedback.GroupOutcome;
import io.apgms.ml.registry.ArtifactStore;
import io.apgms.ml.registry.RegistryException;
import io.apgms.ml.registry.gate.BiasDeltas.Figure;
import io.apgms.ml.registry.gate.Policy;
import io.apgms.ml.training.TrainingException;
import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.SchemaReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Knows the protected bands of each version, from its artifact. Blocking; one thread at a time. */
public final class BiasWatch {
  private static final Logger LOG = LoggerFactory.getLogger(BiasWatch.class);
  private static final int MAX_VERSIONS = 256;

  private final ArtifactStore store;
  private final Policy.Bias policy;
  private final Map<Version, List<ModelSchema.Protected>> columns = new LinkedHashMap<>();

  /** A version of a model. */
  record Version(String model, String version) {}

  public BiasWatch(ArtifactStore store, Policy.Bias policy) {
    this.store = store;
    this.policy = policy;
  }

  /** The figures of each version whose requests carried groups that its schema names. */
  Map<Version, List<Figure>> of(List<GroupOutcome> outcomes) {
    Map<Version, List<GroupOutcome>> byVersion = new LinkedHashMap<>();
    for (GroupOutcome o : outcomes) {
      byVersion
          .computeIfAbsent(new Version(o.modelId(), o.modelVersion()), v -> new ArrayList<>())
          .add(o);
    }
    Map<Version, List<Figure>> figures = new LinkedHashMap<>();
    byVersion.forEach(
        (version, own) -> figures.put(version, GroupBias.of(own, bands(version), policy)));
    return figures;
  }

  private List<ModelSchema.Protected> bands(Version version) {
    if (columns.size() >= MAX_VERSIONS) {
      columns.clear();
    }
    return columns.computeIfAbsent(version, this::read);
  }

  /** None of one that cannot be loaded any more: it does not serve either. */
  private List<ModelSchema.Protected> read(Version of) {
    try {
      byte[] schema =
          store.load(of.model(), of.version()).reports().getOrDefault("schema.yaml", new byte[0]);
      return SchemaReader.parse(schema).protectedColumns();
    } catch (RegistryException | TrainingException e) {
      LOG.warn("no bias of {} {} is measured: {}", of.model(), of.version(), e.getMessage());
      return List.of();
    }
  }
}
