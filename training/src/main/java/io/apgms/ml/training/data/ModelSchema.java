package io.apgms.ml.training.data;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.apgms.ml.registry.Manifest;
import io.apgms.ml.registry.Manifest.FeatureType;
import io.apgms.ml.registry.Names;
import io.apgms.ml.training.TrainingException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code conf/models/<model>.yaml}: what the columns of a CSV file mean and how a model is fitted.
 *
 * @param model model id
 * @param title one line for the model card
 * @param label column of the outcome, 0 or 1
 * @param truth column of the known probability in generated data; never an input
 * @param drop columns that are read over, such as row ids
 * @param source where the rows come from
 * @param features input columns in tensor order
 * @param ratios inputs derived from two input columns inside the model
 * @param protectedColumns columns of the bias report; never inputs
 * @param threshold from which score on a case is recommended for review
 * @param training how the network is fitted
 * @param slo what the service of this model promises
 */
public record ModelSchema(
    String model,
    String title,
    String label,
    @Nullable String truth,
    @Nullable List<String> drop,
    Source source,
    List<Column> features,
    @Nullable List<Ratio> ratios,
    @JsonProperty("protected") @Nullable List<Protected> protectedColumns,
    Threshold threshold,
    Fit training,
    Manifest.Slo slo) {

  public ModelSchema {
    require(model, "model");
    if (!Names.isModel(model)) {
      throw bad("model '" + model + "', expected 1 to 64 of a-z, 0-9 and '-'");
    }
    require(title, "title");
    require(label, "label");
    require(source, "source");
    require(threshold, "threshold");
    require(training, "training");
    require(slo, "slo");
    drop = orEmpty(drop);
    ratios = orEmpty(ratios);
    protectedColumns = orEmpty(protectedColumns);
    if (features == null || features.isEmpty() || features.size() > 512) {
      throw bad("features: expected 1 to 512 columns");
    }
    features = List.copyOf(features);
    Set<String> names = new HashSet<>();
    unique(names, label, "label");
    features.forEach(f -> unique(names, f.name(), "features"));
    drop.forEach(d -> unique(names, d, "drop"));
    protectedColumns.forEach(p -> unique(names, p.name(), "protected"));
    if (truth != null) {
      unique(names, truth, "truth");
    }
    String reweigh = training.reweigh();
    if (reweigh != null && protectedColumns.stream().noneMatch(p -> p.name().equals(reweigh))) {
      throw bad("training.reweigh '" + reweigh + "', expected a protected column");
    }
    for (Ratio ratio : ratios) {
      unique(names, ratio.name(), "ratios");
      indexOf(features, ratio.numerator(), ratio);
      indexOf(features, ratio.denominator(), ratio);
    }
  }

  /** Columns that are read over; empty when none. */
  @Override
  public List<String> drop() {
    return orEmpty(drop);
  }

  /** Derived inputs; empty when none. */
  @Override
  public List<Ratio> ratios() {
    return orEmpty(ratios);
  }

  /** Columns of the bias report; empty when none. */
  @Override
  public List<Protected> protectedColumns() {
    return orEmpty(protectedColumns);
  }

  /** Where the rows come from: a published file, or the generator. */
  public record Source(
      @Nullable String url,
      @Nullable String sha256,
      @Nullable String licence,
      @Nullable String citation,
      @Nullable String generator,
      @Nullable Integer rows,
      @Nullable Long seed) {
    public Source {
      if (generator == null) {
        require(url, "source.url");
        if (sha256 != null && !sha256.matches("[0-9a-f]{64}")) {
          throw bad("source.sha256 '" + sha256 + "', expected 64 lower-case hex digits");
        }
        if (rows != null || seed != null) {
          throw bad("source.rows and source.seed go with source.generator only");
        }
      } else {
        if (!generator.equals(RiskScoreGenerator.NAME)) {
          throw bad("source.generator '" + generator + "', expected " + RiskScoreGenerator.NAME);
        }
        if (rows == null || rows < 100 || rows > 1_000_000) {
          throw bad("source.rows " + rows + ", expected 100 to 1000000");
        }
        require(seed, "source.seed");
      }
    }
  }

  /** How a column becomes an input of the network. */
  public enum Transform {
    /** Its quantile as a normal score, linear between knots. */
    quantile,
    /** One input a code. */
    onehot,
    /** Both of them. */
    both
  }

  /** One input column; {@code codes} belong to one-hot columns, which are integers. */
  public record Column(
      String name,
      FeatureType type,
      double min,
      double max,
      boolean nullable,
      Transform transform,
      @Nullable List<Integer> codes) {
    public Column {
      require(name, "features.name");
      if (name.isBlank() || name.length() > 64) {
        throw bad("features.name '" + name + "', expected 1 to 64 characters");
      }
      require(type, name + ".type");
      require(transform, name + ".transform");
      if (!(min < max) || Double.isInfinite(min) || Double.isInfinite(max)) {
        throw bad(name + ": range " + min + " to " + max + ", expected min < max, both finite");
      }
      codes = orEmpty(codes);
      if (transform == Transform.quantile && !codes.isEmpty()) {
        throw bad(name + ".codes: expected none with transform quantile");
      }
      if (transform != Transform.quantile) {
        if (type != FeatureType.integer || codes.isEmpty() || codes.size() > 256) {
          throw bad(name + ": a one-hot column is an integer with 1 to 256 codes");
        }
        if (Set.copyOf(codes).size() != codes.size()) {
          throw bad(name + ".codes: expected each code once");
        }
        for (int code : codes) {
          if (code < min || code > max) {
            throw bad(name + ".codes: " + code + ", expected " + min + " to " + max);
          }
        }
      }
    }

    /** Codes of a one-hot column; empty otherwise. */
    @Override
    public List<Integer> codes() {
      return orEmpty(codes);
    }

    boolean accepts(double value) {
      return value >= min
          && value <= max
          && (type == FeatureType.number || value == StrictMath.rint(value));
    }
  }

  /** An input numerator / max(|denominator|, floor), computed inside the model in float32. */
  public record Ratio(String name, String numerator, String denominator, @Nullable Double floor) {
    public Ratio {
      require(name, "ratios.name");
      require(numerator, name + ".numerator");
      require(denominator, name + ".denominator");
      floor = floor == null ? 1.0 : floor;
      if (!(floor > 0) || floor.isInfinite()) {
        throw bad(name + ".floor " + floor + ", expected > 0");
      }
    }

    /** The smallest denominator that is divided by. */
    public float floorValue() {
      return floor == null ? 1f : floor.floatValue();
    }
  }

  /** A protected column and the bands it is reported by. */
  public record Protected(String name, List<Band> bands) {
    public Protected {
      require(name, "protected.name");
      if (bands == null || bands.isEmpty()) {
        throw bad("protected." + name + ".bands: expected at least one");
      }
      bands = List.copyOf(bands);
      Set<String> names = new HashSet<>();
      bands.forEach(b -> unique(names, b.name(), "protected." + name + ".bands"));
    }

    /** Name of the first band that a cell belongs to; empty where it belongs to none. */
    public String bandOf(String cell) {
      return bands.stream().filter(b -> b.holds(cell)).map(Band::name).findFirst().orElse("");
    }
  }

  /** One group of a protected column: listed values, or a closed numeric range. */
  public record Band(
      String name, @Nullable List<String> values, @Nullable Double min, @Nullable Double max) {
    public Band {
      require(name, "bands.name");
      boolean ranged = min != null && max != null && min <= max;
      if ((values == null) != ranged || (values != null && (min != null || max != null))) {
        throw bad("band " + name + ": expected values, or min and max with min <= max");
      }
    }

    /** Whether a cell belongs to this band. */
    public boolean holds(String cell) {
      if (values != null) {
        return values.contains(cell);
      }
      try {
        double value = Double.parseDouble(cell);
        return min != null && max != null && value >= min && value <= max;
      } catch (NumberFormatException e) {
        return false;
      }
    }
  }

  /**
   * A fixed value, or the costs of the two errors: with calibrated scores the cheapest threshold is
   * FP / (FP + FN) (Elkan, The foundations of cost-sensitive learning, IJCAI 2001).
   */
  public record Threshold(
      @Nullable Double value,
      @Nullable Double falsePositiveCost,
      @Nullable Double falseNegativeCost) {
    public Threshold {
      boolean noCost = falsePositiveCost == null && falseNegativeCost == null;
      if ((value == null) == noCost) {
        throw bad("threshold: expected value, or falsePositiveCost and falseNegativeCost");
      }
      if (value != null && !(value > 0 && value < 1)) {
        throw bad("threshold.value " + value + ", expected between 0 and 1");
      }
      if (value == null && !(positive(falsePositiveCost) && positive(falseNegativeCost))) {
        throw bad("threshold: falsePositiveCost and falseNegativeCost, expected both above 0");
      }
    }

    private static boolean positive(@Nullable Double cost) {
      return cost != null && cost > 0 && !cost.isInfinite();
    }

    /** The threshold, rounded to four decimals. */
    public double resolve() {
      if (value != null) {
        return value;
      }
      double fp = falsePositiveCost == null ? 1 : falsePositiveCost;
      double fn = falseNegativeCost == null ? 1 : falseNegativeCost;
      return StrictMath.rint(fp / (fp + fn) * 1e4) / 1e4;
    }
  }

  /**
   * How the network is fitted.
   *
   * @param reweigh protected column that the fit is made independent of by weights of the rows;
   *     null for none
   */
  public record Fit(
      List<Integer> hidden,
      int knots,
      int members,
      int maxEpochs,
      int patience,
      int batch,
      double learningRate,
      double weightDecay,
      long seed,
      @Nullable String reweigh) {
    public Fit {
      require(hidden, "training.hidden");
      hidden = List.copyOf(hidden);
      if (hidden.size() > 2 || hidden.stream().anyMatch(h -> h < 1 || h > 512)) {
        throw bad("training.hidden " + hidden + ", expected at most two sizes of 1 to 512");
      }
      range("knots", knots, 2, 257);
      range("members", members, 1, 16);
      range("maxEpochs", maxEpochs, 1, 1000);
      range("patience", patience, 1, 1000);
      range("batch", batch, 1, 65_536);
      if (!(learningRate > 0 && learningRate <= 1)) {
        throw bad("training.learningRate " + learningRate + ", expected above 0, at most 1");
      }
      if (!(weightDecay >= 0 && weightDecay <= 10)) {
        throw bad("training.weightDecay " + weightDecay + ", expected 0 to 10");
      }
    }

    private static void range(String key, int value, int min, int max) {
      if (value < min || value > max) {
        throw bad("training." + key + " " + value + ", expected " + min + " to " + max);
      }
    }
  }

  /** The bands of a protected column. */
  public Protected protectedColumn(String name) {
    return protectedColumns().stream()
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseThrow(() -> bad("no protected column " + name));
  }

  /** Position of an input column in the tensor. */
  public int index(String feature) {
    for (int i = 0; i < features.size(); i++) {
      if (features.get(i).name().equals(feature)) {
        return i;
      }
    }
    throw bad("no feature " + feature);
  }

  private static void indexOf(List<Column> features, String name, Ratio ratio) {
    if (features.stream().noneMatch(f -> f.name().equals(name))) {
      throw bad("ratio " + ratio.name() + ": '" + name + "', expected a feature");
    }
  }

  private static void unique(Set<String> seen, String name, String where) {
    if (!seen.add(name)) {
      throw bad(where + ": column " + name + " stands twice, expected each column in one place");
    }
  }

  private static void require(@Nullable Object value, String key) {
    if (value == null) {
      throw bad(key + " is missing");
    }
  }

  private static <T> List<T> orEmpty(@Nullable List<T> list) {
    return list == null ? List.of() : List.copyOf(list);
  }

  private static TrainingException.Schema bad(String message) {
    return new TrainingException.Schema(message);
  }
}
