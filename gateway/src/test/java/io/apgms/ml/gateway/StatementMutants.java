package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Mutants.ours;
import static io.apgms.ml.gateway.Mutants.resources;
import static io.apgms.ml.gateway.Mutants.serialization;
import static io.apgms.ml.gateway.Mutants.sign;
import static io.apgms.ml.gateway.Mutants.statement;
import static io.apgms.ml.gateway.Mutants.statementText;
import static io.apgms.ml.gateway.Mutants.subject;
import static io.apgms.ml.gateway.Mutants.write;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.Mutants.Change;
import io.apgms.ml.registry.ArtifactStore;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/** Statements that say more or less than the files of the folder, signed by the pinned key. */
final class StatementMutants {
  private StatementMutants() {}

  static Map<String, Change> bad() {
    Map<String, Change> bad = new LinkedHashMap<>(serializations());
    bad.putAll(files());
    bad.putAll(frames());
    return bad;
  }

  private static Map<String, Change> serializations() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("links allowed", statement(s -> serialization(s).put("allow_symlinks", true)));
    bad.put(
        "links allowed by text", statement(s -> serialization(s).put("allow_symlinks", "false")));
    bad.put("shards", statement(s -> serialization(s).put("method", "shards")));
    bad.put("another hash", statement(s -> serialization(s).put("hash_type", "blake2b")));
    bad.put("module ignored", f -> ignoring(f, "model.pt"));
    bad.put("everything ignored", f -> ignoring(f, "."));
    bad.put("one ignored twice", f -> ignoring(f, ".git"));
    bad.put("unknown serialization key", statement(s -> serialization(s).put("shard_size", 1)));
    bad.put(
        "another hash of a file",
        statement(s -> ((ObjectNode) resources(s).get(0)).put("algorithm", "sha1")));
    return bad;
  }

  private static Map<String, Change> files() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("no files", statement(s -> resources(s).removeAll()));
    bad.put(
        "no files and their digest",
        statement(
            s -> {
              resources(s).removeAll();
              ((ObjectNode) subject(s).path("digest"))
                  .put("sha256", ArtifactStore.sha256(new byte[0]));
            }));
    bad.put("a file less", f -> signing(f, d -> d.remove("report.md")));
    bad.put("a file more", f -> signing(f, d -> d.put("zz", d.get("model.pt"))));
    bad.put("digest of another file", f -> signing(f, d -> d.put("model.pt", d.get("report.md"))));
    for (String name :
        List.of(
            "../model.pt",
            "/model.pt",
            "./model.pt",
            "x/../model.pt",
            "x\\model.pt",
            "",
            "model.sig",
            "model.pt\0",
            "m\u00f6del.pt",
            "MODEL.PT")) {
      bad.put("name " + name, f -> signing(f, d -> d.put(name, d.get("model.pt"))));
    }
    bad.put("a name twice", f -> withResources(f, r -> r.insert(1, r.get(0).deepCopy())));
    bad.put("out of order", f -> withResources(f, r -> r.add(r.remove(0))));
    bad.put(
        "another order, its digest right", f -> withResources(f, r -> r.insert(0, r.remove(3))));
    return bad;
  }

  private static Map<String, Change> frames() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put(
        "wrong subject digest",
        statement(s -> ((ObjectNode) subject(s).path("digest")).put("sha256", "0".repeat(64))));
    bad.put("second subject", statement(s -> ((ArrayNode) s.path("subject")).addObject()));
    bad.put("no subject", statement(s -> ((ArrayNode) s.path("subject")).removeAll()));
    bad.put(
        "another predicate",
        statement(s -> s.put("predicateType", "https://slsa.dev/provenance/v1")));
    bad.put(
        "the predicate of 0.2",
        statement(s -> s.put("predicateType", "https://model_signing/Digests/v0.1")));
    bad.put(
        "another statement", statement(s -> s.put("_type", "https://in-toto.io/Statement/v0.1")));
    bad.put(
        "unknown predicate key", statement(s -> ((ObjectNode) s.path("predicate")).put("x", 1)));
    bad.put("unknown statement key", statement(s -> s.put("x", 1)));
    bad.put(
        "a statement key twice",
        statementText(p -> p.replace("\"subject\"", "\"_type\":1,\"subject\"")));
    bad.put("statement and more", statementText(p -> p + "{}"));
    bad.put(
        "upper-case digest",
        statementText(
            p -> {
              String digest = p.replaceFirst("(?s).*\"digest\":\"([0-9a-f]{64})\".*", "$1");
              return p.replace(digest, digest.toUpperCase(Locale.ROOT));
            }));
    bad.put("statement that is a list", statementText(p -> "[" + p + "]"));
    return bad;
  }

  static void ignoring(Path folder, String path) throws Exception {
    sign(folder, ours, s -> ((ArrayNode) serialization(s).path("ignore_paths")).add(path));
  }

  static void signing(Path folder, Consumer<SortedMap<String, String>> change) throws Exception {
    SortedMap<String, String> digests = new TreeMap<>(Forge.digests(folder));
    change.accept(digests);
    write(folder, ours.bundle(Forge.statement(digests).toString()));
  }

  /** The subject's digest follows the list. */
  static void withResources(Path folder, Consumer<ArrayNode> change) throws Exception {
    sign(
        folder,
        ours,
        s -> {
          change.accept(resources(s));
          ByteArrayOutputStream all = new ByteArrayOutputStream();
          resources(s)
              .forEach(r -> all.writeBytes(HexFormat.of().parseHex(r.path("digest").asText())));
          ((ObjectNode) subject(s).path("digest"))
              .put("sha256", ArtifactStore.sha256(all.toByteArray()));
        });
  }
}
