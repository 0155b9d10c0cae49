package io.apgms.ml.training.fit;

import io.apgms.ml.training.data.ModelSchema;
import io.apgms.ml.training.data.ModelSchema.Transform;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * From raw columns to the inputs of the network: each column (and ratio) becomes its normal score,
 * linear between knots, and, where nullable, an input that is 1 for a missing value; each code of a
 * one-hot column becomes an input. A missing value has normal score 0 and no code.
 *
 * <p>Knots are float32 values, because the served module compares float32; everything else is
 * double.
 */
public final class InputTransform {
  /** Knots lie at evenly spaced normal scores between -SPAN and SPAN: dense in the tails. */
  private static final double SPAN = 2.6;

  private final List<Lane> lanes;
  private final List<RatioLane> ratios;
  private final int rawWidth;
  private final int width;

  private InputTransform(List<Lane> lanes, List<RatioLane> ratios, int rawWidth) {
    this.lanes = List.copyOf(lanes);
    this.ratios = List.copyOf(ratios);
    this.rawWidth = rawWidth;
    this.width = lanes.stream().mapToInt(Lane::inputs).sum();
  }

  /**
   * What becomes of one column.
   *
   * @param knots ascending; empty without a normal score
   * @param scores normal score at each knot
   * @param missing whether a missing value is accepted; with a normal score it has an input
   * @param codes one input each
   * @param lowest no value of this column lies below it
   */
  @SuppressWarnings("ArrayRecordComponent") // parameters, never compared
  public record Lane(
      float[] knots, double[] scores, boolean missing, List<Integer> codes, double lowest) {
    /** Number of network inputs. */
    public int inputs() {
      return (scored() ? 1 : 0) + (missing && scored() ? 1 : 0) + codes.size();
    }

    /** Whether the column has a normal score. */
    public boolean scored() {
      return knots.length > 0;
    }

    double score(double value) {
      if (Double.isNaN(value)) {
        return 0;
      }
      int last = knots.length - 1;
      if (value <= knots[0]) {
        return scores[0];
      }
      if (value >= knots[last]) {
        return scores[last];
      }
      int i = Arrays.binarySearch(knots, (float) value);
      i = i >= 0 ? i : -i - 2;
      double share = (value - knots[i]) / ((double) knots[i + 1] - knots[i]);
      return scores[i] + share * (scores[i + 1] - scores[i]);
    }
  }

  /** A derived column: two raw columns and the smallest denominator. */
  public record RatioLane(int numerator, int denominator, float floor) {
    float of(float[] rows, int offset) {
      float d = Math.max(Math.abs(rows[offset + denominator]), floor);
      return rows[offset + numerator] / d;
    }
  }

  /** Builds a transform from given parts, lanes in the order columns then ratios. */
  public static InputTransform of(List<Lane> lanes, List<RatioLane> ratios) {
    return new InputTransform(lanes, ratios, lanes.size() - ratios.size());
  }

  /** Fits the knots on some rows of {@code x}, row-major [n, features]. */
  public static InputTransform fit(ModelSchema schema, float[] x, int[] rows) {
    int width = schema.features().size();
    List<RatioLane> ratios =
        schema.ratios().stream()
            .map(
                r ->
                    new RatioLane(
                        schema.index(r.numerator()), schema.index(r.denominator()), r.floorValue()))
            .toList();
    int knots = schema.training().knots();
    List<Lane> lanes = new ArrayList<>();
    for (int c = 0; c < width; c++) {
      ModelSchema.Column column = schema.features().get(c);
      List<Integer> codes = column.codes();
      if (column.transform() == Transform.onehot) {
        lanes.add(new Lane(new float[0], new double[0], column.nullable(), codes, column.min()));
      } else {
        float[] values = new float[rows.length];
        for (int i = 0; i < rows.length; i++) {
          values[i] = x[rows[i] * width + c];
        }
        lanes.add(scored(values, knots, column.nullable(), codes, column.min()));
      }
    }
    for (int r = 0; r < ratios.size(); r++) {
      RatioLane ratio = ratios.get(r);
      float[] values = new float[rows.length];
      for (int i = 0; i < rows.length; i++) {
        values[i] = ratio.of(x, rows[i] * width);
      }
      ModelSchema.Column n = schema.features().get(ratio.numerator());
      boolean nullable = n.nullable() || schema.features().get(ratio.denominator()).nullable();
      double lowest = -Math.max(Math.abs(n.min()), Math.abs(n.max())) / ratio.floor();
      lanes.add(scored(values, knots, nullable, List.of(), lowest));
    }
    return new InputTransform(lanes, ratios, width);
  }

  private static Lane scored(
      float[] values, int knots, boolean nullable, List<Integer> codes, double lowest) {
    int present = 0;
    float[] sorted = new float[values.length];
    for (float v : values) {
      if (!Float.isNaN(v)) {
        sorted[present++] = v == 0 ? 0f : v;
      }
    }
    sorted = Arrays.copyOf(sorted, Math.max(present, 1));
    Arrays.sort(sorted);
    float[] at = new float[knots];
    double[] scores = new double[knots];
    int n = 0;
    for (int k = 0; k < knots; k++) {
      double share = NormalScores.share(-SPAN + 2 * SPAN * k / (knots - 1));
      float knot = sorted[(int) StrictMath.rint(share * (sorted.length - 1))];
      if (n == 0 || knot > at[n - 1]) {
        at[n] = knot;
        scores[n++] = NormalScores.midRank(sorted, knot);
      }
    }
    return new Lane(Arrays.copyOf(at, n), Arrays.copyOf(scores, n), nullable, codes, lowest);
  }

  /** Columns and ratios, in this order. */
  public List<Lane> lanes() {
    return lanes;
  }

  public List<RatioLane> ratios() {
    return ratios;
  }

  /** Raw columns. */
  public int rawWidth() {
    return rawWidth;
  }

  /** Inputs of the network. */
  public int width() {
    return width;
  }

  /**
   * Writes the inputs of the row at {@code offset} of {@code rows} to {@code out} at {@code to}.
   */
  public void apply(float[] rows, int offset, double[] out, int to) {
    int at = to;
    for (int c = 0; c < lanes.size(); c++) {
      Lane lane = lanes.get(c);
      float value = c < rawWidth ? rows[offset + c] : ratios.get(c - rawWidth).of(rows, offset);
      if (lane.scored()) {
        out[at++] = lane.score(value);
        if (lane.missing()) {
          out[at++] = Float.isNaN(value) ? 1 : 0;
        }
      }
      for (int code : lane.codes()) {
        out[at++] = value == code ? 1 : 0;
      }
    }
  }
}
