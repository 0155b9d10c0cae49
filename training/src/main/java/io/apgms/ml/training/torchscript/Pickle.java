package io.apgms.ml.training.torchscript;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** The few opcodes of Python's pickle protocol 2 (PEP 307) that a module with tensors needs. */
final class Pickle {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  Pickle() {
    op(0x80).op(2);
  }

  /** Starts an empty object of a class, then its attributes. */
  Pickle object(String module, String name) {
    return global(module, name).op(')').op(0x81).op('}').op('(');
  }

  Pickle attribute(String name) {
    return text(name);
  }

  Pickle bool(boolean value) {
    return op(value ? 0x88 : 0x89);
  }

  /** A contiguous CPU tensor whose elements are entry {@code data/<key>}. */
  Pickle tensor(String storageType, String key, int... shape) {
    int[] strides = new int[shape.length];
    int elements = 1;
    for (int i = shape.length - 1; i >= 0; i--) {
      strides[i] = elements;
      elements *= shape[i];
    }
    global("torch._utils", "_rebuild_tensor_v2").op('(');
    op('(').text("storage").global("torch", storageType).text(key).text("cpu");
    integer(elements).op('t').op('Q');
    integer(0).tuple(shape).tuple(strides).bool(false);
    return global("collections", "OrderedDict").op(')').op('R').op('t').op('R');
  }

  /** Ends the object. */
  byte[] end() {
    op('u').op('b').op('.');
    return out.toByteArray();
  }

  private Pickle tuple(int[] values) {
    op('(');
    for (int v : values) {
      integer(v);
    }
    return op('t');
  }

  private Pickle global(String module, String name) {
    op('c');
    out.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    return this;
  }

  private Pickle text(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    op('X').littleEndian(bytes.length);
    out.writeBytes(bytes);
    return this;
  }

  private Pickle integer(int value) {
    return op('J').littleEndian(value);
  }

  private Pickle littleEndian(int value) {
    return op(value).op(value >>> 8).op(value >>> 16).op(value >>> 24);
  }

  private Pickle op(int code) {
    out.write(code);
    return this;
  }
}
