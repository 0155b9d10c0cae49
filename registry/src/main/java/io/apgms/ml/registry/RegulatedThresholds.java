package io.apgms.ml.registry;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a regulator agreed to of a model: the threshold, and which inputs it takes, of which kind
 * and range, in which order.
 */
public final class RegulatedThresholds {
  private RegulatedThresholds() {}

  /**
   * One difference.
   *
   * @param what {@code threshold}, {@code feature <name>}, {@code feature order} or {@code model}
   * @param active the value in force, {@code none} where there is none
   * @param candidate the value after a promotion
   */
  public record Difference(String what, String active, String candidate) {}

  /**
   * What a promotion would change; empty where nothing.
   *
   * @param active null where no version is active: then the model itself is new
   */
  public static List<Difference> between(@Nullable Manifest active, Manifest candidate) {
    List<Difference> changed = new ArrayList<>();
    if (active == null) {
      changed.add(
          new Difference("model", "none", "first version, threshold " + candidate.threshold()));
      return changed;
    }
    if (active.threshold() != candidate.threshold()) {
      changed.add(new Difference("threshold", "" + active.threshold(), "" + candidate.threshold()));
    }
    Map<String, String> before = features(active);
    Map<String, String> after = features(candidate);
    TreeSet<String> names = new TreeSet<>(before.keySet());
    names.addAll(after.keySet());
    for (String name : names) {
      String a = before.getOrDefault(name, "none");
      String b = after.getOrDefault(name, "none");
      if (!a.equals(b)) {
        changed.add(new Difference("feature " + name, a, b));
      }
    }
    if (before.keySet().equals(after.keySet())
        && !List.copyOf(before.keySet()).equals(List.copyOf(after.keySet()))) {
      changed.add(new Difference("feature order", "" + before.keySet(), "" + after.keySet()));
    }
    return changed;
  }

  private static Map<String, String> features(Manifest manifest) {
    Map<String, String> features = new LinkedHashMap<>();
    for (Manifest.Feature f : manifest.features()) {
      features.put(
          f.name(), f.type() + " " + f.min() + " to " + f.max() + (f.nullable() ? " or null" : ""));
    }
    return features;
  }
}
