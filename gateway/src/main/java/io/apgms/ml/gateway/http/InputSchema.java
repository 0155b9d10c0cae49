package io.apgms.ml.gateway.http;

import io.apgms.ml.registry.Manifest.Feature;
import io.apgms.ml.registry.Manifest.FeatureType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A model's features compiled for the reader: one slot a feature, in tensor order. */
final class InputSchema {
  private final Feature[] features;
  private final Map<String, Integer> slots = new HashMap<>();

  InputSchema(List<Feature> features) {
    this.features = features.toArray(new Feature[0]);
    for (int i = 0; i < this.features.length; i++) {
      slots.put(this.features[i].name(), i);
    }
  }

  int size() {
    return features.length;
  }

  String name(int slot) {
    return features[slot].name();
  }

  /** The slot of a name, or -1; quick where callers keep to the schema's order. */
  int slot(String name, int guess) {
    if (guess < features.length && features[guess].name().equals(name)) {
      return guess;
    }
    return slots.getOrDefault(name, -1);
  }

  boolean nullable(int slot) {
    return features[slot].nullable();
  }

  /** Whether a value of a tensor can be taken, NaN as missing. */
  boolean takes(int slot, double value) {
    Feature f = features[slot];
    return value >= f.min()
        ? value <= f.max() && (f.type() != FeatureType.integer || value == Math.rint(value))
        : Double.isNaN(value) && f.nullable();
  }

  /** What is wrong with a value; null when it can be taken. */
  @Nullable String refuse(int slot, double value) {
    Feature f = features[slot];
    boolean whole = f.type() == FeatureType.integer;
    if (value >= f.min() && value <= f.max() && !(whole && value != Math.rint(value))) {
      return null;
    }
    return text(value) + ", expected " + expected(slot);
  }

  String expected(int slot) {
    Feature f = features[slot];
    return (f.type() == FeatureType.integer ? "a whole number from " : "a number from ")
        + text(f.min())
        + " to "
        + text(f.max())
        + (f.nullable() ? " or null" : "");
  }

  private static String text(double value) {
    return value == Math.rint(value) && Math.abs(value) < 1e15
        ? Long.toString((long) value)
        : Double.toString(value);
  }
}
