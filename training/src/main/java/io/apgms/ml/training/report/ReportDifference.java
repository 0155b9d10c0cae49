package io.apgms.ml.training.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.training.TrainingException;
import java.util.Map;
import java.util.Set;

/** How far the numbers of two JSON files of a run are apart. */
public final class ReportDifference {
  private ReportDifference() {}

  /**
   * The largest absolute difference of two numbers at the same place; infinite where the files
   * differ in anything but numbers.
   *
   * @param apart keys at the top that are compared elsewhere
   * @throws TrainingException.Run when one of them is no JSON object
   */
  public static double largest(String name, byte[] one, byte[] other, Set<String> apart) {
    ObjectNode a = Json.read(one, ObjectNode.class, name);
    ObjectNode b = Json.read(other, ObjectNode.class, name);
    return largest(a.remove(apart), b.remove(apart));
  }

  private static double largest(JsonNode a, JsonNode b) {
    if (a.isNumber() && b.isNumber()) {
      double difference = Math.abs(a.doubleValue() - b.doubleValue());
      return Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
    }
    if (a.getNodeType() != b.getNodeType() || a.size() != b.size()) {
      return Double.POSITIVE_INFINITY;
    }
    if (a.isValueNode()) {
      return a.equals(b) ? 0 : Double.POSITIVE_INFINITY;
    }
    double largest = 0;
    if (a.isArray()) {
      for (int i = 0; i < a.size(); i++) {
        largest = Math.max(largest, largest(a.path(i), b.path(i)));
      }
    }
    for (Map.Entry<String, JsonNode> field : a.properties()) {
      largest = Math.max(largest, largest(field.getValue(), b.path(field.getKey())));
    }
    return largest;
  }
}
