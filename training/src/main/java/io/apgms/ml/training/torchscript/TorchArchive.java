package io.apgms.ml.training.torchscript;

import io.apgms.ml.training.fit.FittedModel;
import io.apgms.ml.training.fit.InputTransform;
import io.apgms.ml.training.fit.InputTransform.Lane;
import io.apgms.ml.training.fit.InputTransform.RatioLane;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Writes a model as a TorchScript archive that takes raw columns, float32 [n, features] with NaN
 * for a missing value, and gives one probability a row, float32 [n]. Another width is refused. Same
 * model, same bytes.
 */
public final class TorchArchive {
  private static final String ROOT = "model/";

  private final StringBuilder declared = new StringBuilder();
  private final StringBuilder body = new StringBuilder();
  private final List<String> names = new ArrayList<>();
  private final List<byte[]> storages = new ArrayList<>();
  private final Pickle pickle = new Pickle().object("__torch__", "Risk");

  private TorchArchive() {}

  /** The archive's bytes; {@code features} are the column names in tensor order. */
  public static byte[] write(FittedModel model, List<String> features) {
    TorchArchive archive = new TorchArchive();
    archive.forward(model);
    return archive.zip(features);
  }

  private void forward(FittedModel model) {
    InputTransform transform = model.transform();
    FoldedNetwork net = FoldedNetwork.of(model);
    int width = transform.rawWidth();
    line("if torch.ne(torch.size(input, 1), " + width + "):");
    line("  ops.prim.RaiseException(\"expected " + width + " columns\")");
    line("else:");
    line("  pass");
    String x = "input";
    if (!transform.ratios().isEmpty()) {
      x = ratios(transform.ratios(), x);
    }
    if (transform.lanes().stream().anyMatch(TorchArchive::fillsMissing)) {
      List<Lane> lanes = transform.lanes();
      float[] fills = new float[lanes.size()];
      for (int i = 0; i < fills.length; i++) {
        // Where null is not accepted NaN stays, and so does the score: an error, not a guess.
        fills[i] = fillsMissing(lanes.get(i)) ? FoldedNetwork.fill(lanes.get(i)) : Float.NaN;
      }
      tensor("fill", fills, fills.length);
      line("filled = torch.fmax(" + x + ", self.fill)"); // takes the other one for NaN
      x = "filled";
    }
    ramps(net, x);
    line("return " + layers(net, model.members().size()));
  }

  /** The layers over the ramps {@code u}; the expression of the score. */
  private String layers(FoldedNetwork net, int members) {
    String from = "u";
    for (int layer = 0; layer < net.layers(); layer++) {
      boolean last = layer + 1 == net.layers();
      boolean vector = last && members == 1; // [n] at once, without a squeeze
      float[] weights = net.weights(layer);
      if (vector) {
        tensor("weight" + layer, weights, weights.length);
      } else {
        tensor("weight" + layer, weights, net.inputs(layer), net.outputs(layer));
      }
      tensor("bias" + layer, net.biases(layer), net.outputs(layer));
      line(
          String.format(
              Locale.ROOT,
              "h%d = torch.%s(torch.%s(self.bias%d, %s, self.weight%d))",
              layer,
              last ? "sigmoid_" : "relu_",
              vector ? "addmv" : "addmm",
              layer,
              from,
              layer));
      from = "h" + layer;
    }
    return members == 1 ? from : "torch.mean(" + from + ", [1])";
  }

  private static boolean fillsMissing(Lane lane) {
    return lane.missing();
  }

  private String ratios(List<RatioLane> ratios, String x) {
    tensor("numerator", ratios.stream().mapToLong(RatioLane::numerator).toArray());
    tensor("denominator", ratios.stream().mapToLong(RatioLane::denominator).toArray());
    float[] floors = new float[ratios.size()];
    for (int i = 0; i < floors.length; i++) {
      floors[i] = ratios.get(i).floor();
    }
    tensor("floor", floors, floors.length);
    line("up = torch.index_select(" + x + ", 1, self.numerator)");
    line("down = torch.abs_(torch.index_select(" + x + ", 1, self.denominator))");
    line("all = torch.cat([" + x + ", torch.div_(up, torch.maximum(down, self.floor))], 1)");
    return "all";
  }

  private void ramps(FoldedNetwork net, String x) {
    float[] lows = net.lows();
    tensor("column", net.columns());
    tensor("low", lows, lows.length);
    tensor("zero", new float[lows.length], lows.length);
    tensor("gap", net.gaps(), lows.length);
    line("r = torch.sub_(torch.index_select(" + x + ", 1, self.column), self.low)");
    line("u = torch.clamp_(r, self.zero, self.gap)");
  }

  private void line(String code) {
    body.append("    ").append(code).append('\n');
  }

  private void tensor(String name, long[] values) {
    ByteBuffer raw = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asLongBuffer().put(values);
    declare(name, "LongStorage", raw.array(), values.length);
  }

  private void tensor(String name, float[] values, int... shape) {
    ByteBuffer raw = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    declare(name, "FloatStorage", raw.array(), shape);
  }

  private void declare(String name, String storageType, byte[] raw, int... shape) {
    names.add("\"" + name + "\"");
    declared.append("  ").append(name).append(" : Tensor\n");
    pickle.attribute(name).tensor(storageType, Integer.toString(storages.size()), shape);
    storages.add(raw);
  }

  private byte[] zip(List<String> features) {
    String code =
        "class Risk(Module):\n  __parameters__ = []\n  __buffers__ = ["
            + String.join(", ", names)
            + "]\n  training : bool\n"
            + declared
            + "  def forward(self: __torch__.Risk,\n    input: Tensor) -> Tensor:\n"
            + body;
    StoredZip zip = new StoredZip();
    zip.add(ROOT + "data.pkl", pickle.attribute("training").bool(false).end());
    zip.add(ROOT + "code/__torch__.py", utf8(code));
    for (int i = 0; i < storages.size(); i++) {
      zip.add(ROOT + "data/" + i, storages.get(i));
    }
    zip.add(ROOT + "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
    zip.add(ROOT + "extra/features.txt", utf8(String.join("\n", features) + "\n"));
    zip.add(ROOT + "byteorder", utf8("little"));
    zip.add(ROOT + "version", utf8("10\n"));
    return zip.finish();
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
