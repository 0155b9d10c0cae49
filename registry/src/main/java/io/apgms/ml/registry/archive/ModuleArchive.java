package io.apgms.ml.registry.archive;

import io.apgms.ml.registry.RegistryException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Looks at a TorchScript archive without running it: only the members that {@code torch.jit.save}
 * writes, pickles that make nothing but tensors and classes of the archive's own, and code that
 * calls no operator with files in it. A signature says who made a module; this bounds what that
 * module can be.
 */
public final class ModuleArchive {
  private static final String NAME = "model.pt";
  private static final int MAX_TEXT_BYTES = 16 << 20;
  private static final Pattern ROOT = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}/");
  private static final Pattern MEMBER =
      Pattern.compile(
          "data\\.pkl|constants\\.pkl|version|byteorder"
              + "|\\.format_version|\\.storage_alignment|\\.data/serialization_id"
              + "|(data|constants)/[0-9]{1,6}"
              + "|code/([A-Za-z0-9_]+/)*[A-Za-z0-9_]+\\.py(\\.debug_pkl)?"
              + "|extra/[A-Za-z0-9_][A-Za-z0-9_.-]*");
  private static final List<String> REQUIRED =
      List.of("data.pkl", "constants.pkl", "version", "code/__torch__");

  /** Operators of another library, or of libtorch's own that open files. */
  private static final Pattern FORBIDDEN =
      Pattern.compile(
          "\\bops\\s*\\.\\s*(?!(prim|aten)\\b)\\w+"
              + "|\\b(torch|aten)\\s*\\.\\s*(save|load|from_file)\\b");

  private ModuleArchive() {}

  /**
   * Looks through an archive.
   *
   * @throws RegistryException.Corrupt naming the member, what it holds and what was expected
   */
  public static void check(byte[] archive) {
    List<ZipDirectory.Entry> entries = ZipDirectory.read(archive);
    Matcher root = ROOT.matcher(entries.isEmpty() ? "" : entries.get(0).name());
    if (!root.lookingAt()) {
      throw refused("has no member in a folder, expected what torch.jit.save writes");
    }
    Set<String> lowerCase = new HashSet<>();
    for (ZipDirectory.Entry entry : entries) {
      String name = entry.name();
      if (!name.startsWith(root.group())
          || !MEMBER.matcher(name.substring(root.end())).matches()
          || !lowerCase.add(name.toLowerCase(Locale.ROOT))) {
        throw refused("has a member " + printable(name) + ", expected what torch.jit.save writes");
      }
      check(archive, entry, name.substring(root.end()));
    }
    for (String required : REQUIRED) {
      if (entries.stream().noneMatch(e -> e.name().startsWith(root.group() + required))) {
        throw refused("has no member " + required + ", expected one");
      }
    }
  }

  private static void check(byte[] archive, ZipDirectory.Entry entry, String name) {
    boolean code = name.startsWith("code/");
    if (entry.deflated() && !code) {
      throw refused("has " + name + " compressed, expected only code/ to be");
    }
    if (name.endsWith("pkl")) {
      PickleScan.check(NAME + " " + name, entry.bytes(archive, MAX_TEXT_BYTES));
    } else if (code) {
      String text = new String(entry.bytes(archive, MAX_TEXT_BYTES), StandardCharsets.UTF_8);
      Matcher call = FORBIDDEN.matcher(text);
      if (call.find()) {
        throw refused(
            name + " calls " + printable(call.group()) + ", expected operators without files");
      }
    }
  }

  static RegistryException.Corrupt refused(String message) {
    return new RegistryException.Corrupt(NAME + " " + message);
  }

  static String printable(String text) {
    String cut = text.length() > 80 ? text.substring(0, 80) + "…" : text;
    return "'" + cut.replaceAll("[^\\x20-\\x7e…]", "?") + "'";
  }
}
