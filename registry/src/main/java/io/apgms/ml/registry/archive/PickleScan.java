package io.apgms.ml.registry.archive;

import io.apgms.ml.registry.RegistryException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The opcodes of a pickle (PEP 307), read and not run: those that libtorch writes, and names of
 * nothing but tensors, their storages, typed lists and the archive's own classes. Python's
 * unpickler calls whatever a pickle names; libtorch's does not, and this holds for either.
 */
final class PickleScan {
  /** Opcodes without an argument. */
  private static final String BARE = ").N(}]tuesabRQld\u0081\u0085\u0086\u0087\u0088\u0089";

  private static final Set<String> NAMES =
      Set.of(
          "collections OrderedDict",
          "torch._utils _rebuild_tensor_v2",
          "torch._utils _rebuild_qtensor",
          "torch.jit._pickle build_intlist",
          "torch.jit._pickle build_doublelist",
          "torch.jit._pickle build_boollist",
          "torch.jit._pickle build_tensorlist",
          "torch.jit._pickle build_tensor_from_id",
          "torch.jit._pickle restore_type_tag");
  private static final Pattern STORAGE =
      Pattern.compile("torch (Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage");
  private static final Pattern OWN_CLASS =
      Pattern.compile("__torch__(\\.[A-Za-z_][A-Za-z0-9_]*)* [A-Za-z_][A-Za-z0-9_]*");

  private final String place;
  private final byte[] pickle;
  private int at;

  private PickleScan(String place, byte[] pickle) {
    this.place = place;
    this.pickle = pickle;
  }

  /** Refuses what it does not know, and names its place. */
  static void check(String place, byte[] pickle) {
    PickleScan scan = new PickleScan(place, pickle);
    while (scan.step()) {
      // every turn takes a byte
    }
    if (scan.at != pickle.length) {
      throw scan.refused("goes on after its end");
    }
  }

  /** One opcode; false for the end. */
  private boolean step() {
    int start = at;
    int opcode = take(1);
    switch (opcode) {
      case 0x80 -> {
        if (take(1) != 2) {
          throw refused("is of another protocol than 2");
        }
      }
      case 'c' -> requireKnown(line() + " " + line());
      case 'K', 'q', 'h' -> take(1);
      case 'M' -> take(2);
      case 'J', 'r', 'j' -> take(4);
      case 'G' -> skip(8);
      case 'X' -> skip(take(4));
      case 0x8a -> skip(take(1));
      default -> {
        if (BARE.indexOf(opcode) < 0) {
          throw refused(
              "has opcode 0x" + Integer.toHexString(opcode) + " at " + start + ", expected none");
        }
      }
    }
    return opcode != '.';
  }

  private void requireKnown(String name) {
    if (!NAMES.contains(name)
        && !STORAGE.matcher(name).matches()
        && !OWN_CLASS.matcher(name).matches()) {
      throw refused(
          "names "
              + ModuleArchive.printable(name)
              + ", expected tensors and the module's own classes");
    }
  }

  /** A little-endian number of so many bytes. */
  private int take(int bytes) {
    int from = at;
    skip(bytes);
    int value = 0;
    for (int i = at - 1; i >= from; i--) {
      value = value << 8 | (pickle[i] & 0xff);
    }
    return value;
  }

  private void skip(int bytes) {
    if (bytes < 0 || bytes > pickle.length - at) {
      throw refused("is cut");
    }
    at += bytes;
  }

  private String line() {
    int from = at;
    while (take(1) != '\n') {
      // up to the line's end
    }
    return new String(pickle, from, at - 1 - from, StandardCharsets.ISO_8859_1);
  }

  private RegistryException refused(String message) {
    return new RegistryException.Corrupt(place + " " + message);
  }
}
