package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Mutants.manifest;
import static io.apgms.ml.gateway.Mutants.manifestText;
import static io.apgms.ml.gateway.Mutants.ours;
import static io.apgms.ml.gateway.Mutants.put;
import static io.apgms.ml.gateway.Mutants.sign;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Mutants.Change;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Manifests and golden rows that are wrong, signed by the pinned key. */
final class ManifestMutants {
  private ManifestMutants() {}

  static Map<String, Change> bad() {
    Map<String, Change> bad = new LinkedHashMap<>(fields());
    bad.putAll(numbers());
    bad.putAll(times());
    bad.putAll(files());
    bad.putAll(golden());
    return bad;
  }

  private static Map<String, Change> fields() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("manifest of another model", manifest(m -> m.put("model", "credit-default")));
    bad.put("manifest of another version", manifest(m -> m.put("version", "20261124")));
    bad.put("manifest with an unknown key", manifest(m -> m.put("x", 1)));
    bad.put("manifest without features", manifest(m -> m.remove("features")));
    bad.put(
        "manifest with no feature", manifest(m -> ((ArrayNode) m.path("features")).removeAll()));
    bad.put(
        "a feature twice",
        manifest(
            m -> {
              ArrayNode features = (ArrayNode) m.path("features");
              features.add(features.get(0).deepCopy());
            }));
    bad.put(
        "a feature of another type",
        manifest(m -> ((ObjectNode) m.at("/features/0")).put("type", "text")));
    bad.put(
        "a feature without range",
        manifest(m -> ((ObjectNode) m.at("/features/0")).put("min", 1e9)));
    bad.put("a feature with an infinite range", manifestText("\"max\" : 10.0", "\"max\" : 1e400"));
    bad.put(
        "a baseline with a count less",
        manifest(m -> ((ArrayNode) m.at("/scoreBaseline/counts")).remove(0)));
    return bad;
  }

  private static Map<String, Change> numbers() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("a count that is no integer", manifestText("\"missing\" : 0", "\"missing\" : 0.0"));
    bad.put("a threshold of one", manifest(m -> m.put("threshold", 1)));
    bad.put("a threshold as text", manifest(m -> m.put("threshold", "0.5")));
    bad.put("a threshold of null", manifest(m -> m.putNull("threshold")));
    bad.put("no latency", manifest(m -> ((ObjectNode) m.path("slo")).put("latencyMs", 0)));
    bad.put(
        "a seed past 64 bits", manifestText("\"seed\" : [0-9]+", "\"seed\" : 9223372036854775808"));
    bad.put("a model as number", manifest(m -> m.put("model", 7)));
    return bad;
  }

  private static Map<String, Change> times() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put(
        "over",
        manifest(
            m ->
                m.putObject("validity")
                    .put("notBefore", "2020-01-01T00:00:00Z")
                    .put("notAfter", "2026-01-01T00:00:00Z")));
    bad.put(
        "not yet",
        manifest(
            m ->
                m.putObject("validity")
                    .put("notBefore", "2998-01-01T00:00:00Z")
                    .put("notAfter", "2999-01-01T00:00:00Z")));
    bad.put(
        "never",
        manifest(
            m ->
                m.putObject("validity")
                    .put("notBefore", "2027-01-01T00:00:00Z")
                    .put("notAfter", "2026-01-01T00:00:00Z")));
    bad.put(
        "no such day",
        manifest(
            m ->
                m.putObject("validity")
                    .put("notBefore", "2026-02-30T00:00:00Z")
                    .put("notAfter", "2999-01-01T00:00:00Z")));
    bad.put(
        "a day without time",
        manifest(
            m ->
                m.putObject("validity")
                    .put("notBefore", "2026-02-03")
                    .put("notAfter", "2999-01-01T00:00:00Z")));
    return bad;
  }

  private static Map<String, Change> files() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put(
        "file named twice",
        manifest(
            m -> {
              ArrayNode files = (ArrayNode) m.path("files");
              files.add(files.get(0).deepCopy());
            }));
    bad.put("file not named", manifest(m -> ((ArrayNode) m.path("files")).remove(0)));
    bad.put(
        "file named but missing",
        manifest(
            m ->
                ((ArrayNode) m.path("files"))
                    .addObject()
                    .put("name", "zz")
                    .put("sha256", "0".repeat(64))
                    .put("size", 1)));
    bad.put("file of another size", manifest(m -> ((ObjectNode) m.at("/files/0")).put("size", 1)));
    bad.put(
        "file of another digest",
        manifest(m -> ((ObjectNode) m.at("/files/0")).put("sha256", "0".repeat(64))));
    bad.put("file outside", manifest(m -> ((ObjectNode) m.at("/files/0")).put("name", "../x")));
    bad.put(
        "manifest's key twice", manifestText("\\{\n  \"model\"", "{\"model\":\"x\",\n  \"model\""));
    bad.put(
        "manifest and more",
        f -> {
          Files.writeString(
              f.resolve("manifest.json"), Files.readString(f.resolve("manifest.json")) + "{}");
          sign(f, ours);
        });
    return bad;
  }

  private static Map<String, Change> golden() {
    Map<String, Change> bad = new LinkedHashMap<>();
    for (String golden :
        List.of(
            "[]",
            "{}",
            "null",
            "[{}]",
            "[null]",
            "[{\"inputs\":{\"a\":1}}]",
            "[{\"inputs\":{\"a\":1},\"score\":2}]",
            "[{\"inputs\":{\"a\":\"1\"},\"score\":0}]",
            "[{\"inputs\":null,\"score\":0}]",
            "[{\"inputs\":{\"a\":1,\"a\":1},\"score\":0}]",
            "[] x")) {
      bad.put(
          "golden " + golden, f -> put(f, "golden.json", golden.getBytes(StandardCharsets.UTF_8)));
    }
    return bad;
  }
}
