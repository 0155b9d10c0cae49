package io.apgms.ml.registry.signature;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.registry.RegistryException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The signed in-toto Statement v1 with predicate model signing v1.0: the files of a folder and
 * their SHA-256. The subject's digest is the SHA-256 over the files' digests in the order of their
 * names.
 *
 * @param subject name of the folder; says nothing by itself
 * @param digests lower-case hex SHA-256 by file name
 */
record Statement(String subject, SortedMap<String, String> digests) {
  static final int MAX_FILES = 64;
  private static final String TYPE = "https://in-toto.io/Statement/v1";
  private static final String PREDICATE = "https://model_signing/signature/v1.0";
  private static final Pattern FILE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

  /**
   * What the Python tool leaves out by itself; a folder that holds one of them is still refused.
   */
  private static final Set<String> IGNORED =
      Set.of(".git", ".gitattributes", ".github", ".gitignore", Bundle.NAME);

  Statement {
    if (digests.isEmpty() || digests.size() > MAX_FILES) {
      throw new RegistryException.Corrupt(
          "model.sig signs " + digests.size() + " files, expected 1 to " + MAX_FILES);
    }
    Set<String> lowerCase = new HashSet<>();
    digests.forEach(
        (name, digest) -> {
          if (!FILE.matcher(name).matches() || name.equals(Bundle.NAME)) {
            throw new RegistryException.Corrupt(
                "model.sig signs "
                    + Fields.quote(name)
                    + ", expected plain file names of letters, digits, '.', '_' and '-'");
          }
          if (!lowerCase.add(name.toLowerCase(Locale.ROOT))) {
            throw new RegistryException.Corrupt(
                "model.sig signs " + name + " twice but for case, expected once");
          }
          if (!SHA256.matcher(digest).matches()) {
            throw new RegistryException.Corrupt(
                "model.sig gives "
                    + name
                    + " the digest "
                    + Fields.quote(digest)
                    + ", expected 64 lower-case hex digits");
          }
        });
    digests = Collections.unmodifiableSortedMap(new TreeMap<>(digests));
  }

  static Statement parse(byte[] payload) {
    Fields statement =
        Fields.read(
            "model.sig payload",
            payload,
            RegistryException.Corrupt::new,
            Set.of("_type", "subject", "predicateType", "predicate"));
    statement.requireText("_type", TYPE);
    statement.requireText("predicateType", PREDICATE);
    Fields predicate = statement.object("predicate", Set.of("serialization", "resources"));
    requireKnown(
        predicate.object(
            "serialization", Set.of("method", "hash_type", "allow_symlinks", "ignore_paths")));
    SortedMap<String, String> digests = new TreeMap<>();
    String previous = "";
    for (Fields file :
        predicate.objects("resources", MAX_FILES, Set.of("name", "algorithm", "digest"))) {
      String name = file.text("name", 255);
      file.requireText("algorithm", "sha256");
      if (name.compareTo(previous) <= 0) { // one spelling only, and no name twice
        throw file.refused("name", name, "a name after " + Fields.quote(previous));
      }
      previous = name;
      digests.put(name, file.text("digest", 64));
    }
    List<Fields> subjects = statement.objects("subject", 1, Set.of("name", "digest"));
    if (subjects.isEmpty()) {
      throw new RegistryException.Corrupt("model.sig payload has no subject, expected one");
    }
    Statement read = new Statement(subjects.get(0).text("name", 255), digests);
    subjects.get(0).object("digest", Set.of("sha256")).requireText("sha256", read.root());
    return read;
  }

  private static void requireKnown(Fields serialization) {
    serialization.requireText("method", "files");
    serialization.requireText("hash_type", "sha256");
    serialization.requireFalse("allow_symlinks");
    if (serialization.has("ignore_paths")) {
      Set<String> seen = new HashSet<>();
      for (String path : serialization.texts("ignore_paths", IGNORED.size())) {
        if (!IGNORED.contains(path) || !seen.add(path)) {
          throw serialization.refused(
              "ignore_paths", path, "each once of " + IGNORED.stream().sorted().toList());
        }
      }
    }
  }

  byte[] toJson() {
    ObjectNode statement = JsonNodeFactory.instance.objectNode();
    statement.put("_type", TYPE);
    ObjectNode only = statement.putArray("subject").addObject().put("name", subject);
    only.putObject("digest").put("sha256", root());
    statement.put("predicateType", PREDICATE);
    ObjectNode predicate = statement.putObject("predicate");
    ObjectNode serialization = predicate.putObject("serialization");
    serialization.put("method", "files").put("hash_type", "sha256").put("allow_symlinks", false);
    ArrayNode ignored = serialization.putArray("ignore_paths");
    IGNORED.stream().sorted().forEach(ignored::add);
    ArrayNode resources = predicate.putArray("resources");
    for (Map.Entry<String, String> file : digests.entrySet()) {
      ObjectNode resource = resources.addObject();
      resource.put("name", file.getKey()).put("algorithm", "sha256").put("digest", file.getValue());
    }
    return statement.toString().getBytes(StandardCharsets.UTF_8);
  }

  private String root() {
    try {
      MessageDigest all = MessageDigest.getInstance("SHA-256");
      digests.values().forEach(digest -> all.update(HexFormat.of().parseHex(digest)));
      return HexFormat.of().formatHex(all.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
