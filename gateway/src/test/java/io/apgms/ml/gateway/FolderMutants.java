package io.apgms.ml.gateway;

import static io.apgms.ml.gateway.Mutants.artifact;
import static io.apgms.ml.gateway.Mutants.early;
import static io.apgms.ml.gateway.Mutants.expired;
import static io.apgms.ml.gateway.Mutants.nobodys;
import static io.apgms.ml.gateway.Mutants.otherModels;
import static io.apgms.ml.gateway.Mutants.ours;
import static io.apgms.ml.gateway.Mutants.put;
import static io.apgms.ml.gateway.Mutants.revoked;
import static io.apgms.ml.gateway.Mutants.run;
import static io.apgms.ml.gateway.Mutants.sign;
import static io.apgms.ml.gateway.Mutants.write;

import io.apgms.ml.gateway.Mutants.Change;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Folders that are not as they were signed, and signatures by who may not. */
final class FolderMutants {
  private FolderMutants() {}

  static Map<String, Change> folders() {
    Map<String, Change> bad = new LinkedHashMap<>(names());
    bad.putAll(links());
    bad.putAll(sizes());
    return bad;
  }

  private static Map<String, Change> names() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("no signature", f -> Files.delete(f.resolve("model.sig")));
    bad.put("empty signature", f -> write(f, ""));
    bad.put("no manifest", f -> Files.delete(f.resolve("manifest.json")));
    bad.put("no module", f -> Files.delete(f.resolve("model.pt")));
    bad.put("extra file", f -> Files.writeString(f.resolve("extra.so"), "x"));
    bad.put("extra hidden file", f -> Files.writeString(f.resolve(".gitignore"), "x"));
    bad.put("extra empty file", f -> Files.createFile(f.resolve("x")));
    bad.put("extra file, signed", f -> signedExtra(f, "extra.so"));
    bad.put("extra hidden file, signed", f -> signedExtra(f, ".hidden"));
    bad.put("nested folder", f -> Files.createDirectory(f.resolve("code")));
    bad.put("folder for the module", f -> replaceByFolder(f.resolve("model.pt")));
    return bad;
  }

  private static Map<String, Change> links() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("symbolic link", f -> replaceByLink(f.resolve("model.pt")));
    bad.put("symbolic link for the signature", f -> replaceByLink(f.resolve("model.sig")));
    bad.put("dangling link", f -> Files.createSymbolicLink(f.resolve("x"), Path.of("nowhere")));
    bad.put(
        "linked version folder",
        f -> {
          Files.move(f, f.resolveSibling("elsewhere"));
          Files.createSymbolicLink(f, Path.of("elsewhere"));
        });
    bad.put("linked model folder", f -> moveAndLink(f.getParent()));
    bad.put(
        "hard link", f -> Files.createLink(f.resolveSibling("elsewhere"), f.resolve("model.pt")));
    bad.put("pipe", f -> run("mkfifo", f.resolve("pipe").toString()));
    bad.put(
        "pipe for the module",
        f -> {
          Files.delete(f.resolve("model.pt"));
          run("mkfifo", f.resolve("model.pt").toString());
        });
    return bad;
  }

  private static Map<String, Change> sizes() {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put("names that differ in case", f -> put(f, "REPORT.md", new byte[1]));
    bad.put(
        "too many files",
        f -> {
          for (int i = 0; i < 70; i++) {
            Files.createFile(f.resolve("f" + i));
          }
        });
    bad.put("truncated module", f -> cut(f.resolve("model.pt"), 1_000));
    bad.put("emptied module", f -> cut(f.resolve("model.pt"), 0));
    bad.put("longer module", f -> cut(f.resolve("model.pt"), 1 << 20));
    bad.put("huge sparse file", f -> sparse(f.resolve("report.md"), 3L << 30));
    bad.put("huge sparse manifest", f -> sparse(f.resolve("manifest.json"), 5L << 20));
    bad.put("huge sparse signature", f -> sparse(f.resolve("model.sig"), 1L << 20));
    bad.put(
        "empty folder",
        f -> {
          try (Stream<Path> files = Files.list(f)) {
            for (Path file : files.toList()) {
              Files.delete(file);
            }
          }
        });
    return bad;
  }

  static void signedExtra(Path folder, String name) throws Exception {
    Files.writeString(folder.resolve(name), "x");
    sign(folder, ours);
  }

  static void replaceByFolder(Path file) throws IOException {
    Files.delete(file);
    Files.createDirectory(file);
  }

  static void replaceByLink(Path file) throws IOException {
    Path elsewhere = file.getParent().getParent().getParent().resolve("elsewhere");
    Files.move(file, elsewhere);
    Files.createSymbolicLink(file, elsewhere);
  }

  static void moveAndLink(Path folder) throws IOException {
    Path elsewhere = folder.resolveSibling(".elsewhere");
    Files.move(folder, elsewhere);
    Files.createSymbolicLink(folder, elsewhere);
  }

  static void cut(Path file, int length) throws IOException {
    Files.write(file, Arrays.copyOf(Files.readAllBytes(file), length));
  }

  static void sparse(Path file, long size) throws IOException {
    try (var out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(size);
    }
  }

  static Map<String, Change> keys() throws Exception {
    Map<String, Change> bad = new LinkedHashMap<>();
    bad.put(
        "rehashed under the old signature",
        f -> {
          byte[] old = Files.readAllBytes(f.resolve("model.sig"));
          put(f, "report.md", new byte[] {1});
          Files.write(f.resolve("model.sig"), old);
        });
    bad.put("signed by a key that is not pinned", f -> sign(f, nobodys));
    bad.put("signed by a key of another model", f -> sign(f, otherModels));
    bad.put("signed by an expired key", f -> sign(f, expired));
    bad.put("signed by a key of the future", f -> sign(f, early));
    bad.put("signed by a revoked key", f -> sign(f, revoked));
    bad.put(
        "signed by another key under our hint",
        f -> {
          String payload = Forge.statement(Forge.digests(f)).toString();
          write(f, ours.bundle(payload, nobodys.sign(payload)));
        });
    for (Forge other :
        List.of(
            Forge.of("secp521r1"),
            Forge.of("RSA", "SHA256withRSA", 2048),
            Forge.of("Ed25519", "Ed25519", 0))) {
      bad.put(
          "signed by " + other.pair.getPublic().getAlgorithm() + other.hashCode(),
          f -> sign(f, other));
    }
    bad.put(
        "signature of the other version",
        f -> {
          Path other = artifact(f.getParent().getParent().resolve("other"), "20261116");
          Files.copy(
              other.resolve("model.sig"),
              f.resolve("model.sig"),
              StandardCopyOption.REPLACE_EXISTING);
        });
    bad.put(
        "files of the other version",
        f -> {
          Path other = artifact(f.getParent().getParent().resolve("other"), "20261116");
          for (String name : List.of("manifest.json", "model.pt", "model.sig")) {
            Files.copy(other.resolve(name), f.resolve(name), StandardCopyOption.REPLACE_EXISTING);
          }
        });
    return bad;
  }
}
