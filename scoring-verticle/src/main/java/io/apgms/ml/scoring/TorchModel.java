package io.apgms.ml.scoring;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.SymbolBlock;
import ai.djl.pytorch.engine.PtModel;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;

/**
 * A TorchScript module in native memory: float32 rows [n, features] in, one score a row out. Used
 * by one thread at a time.
 */
public final class TorchModel implements AutoCloseable {
  static {
    // The optimizer compiles anew for each batch shape while serving: a first call of 126 ms, not
    // 17, and none faster afterwards.
    System.setProperty("ai.djl.pytorch.graph_optimizer", "false");
    // After the engine is loaded, or the native library is not there yet. One thread: rows are
    // small, and the same sums in the same order give the same bits.
    Engine.getEngine("PyTorch");
    JniUtils.setNumThreads(1);
    JniUtils.setNumInteropThreads(1);
  }

  /** Loads libtorch, which takes about a second the first time. Blocking. */
  public static void loadEngine() {
    // the static initialiser has done it
  }

  private final PtModel model;
  private final SymbolBlock block;
  private final ParameterStore parameters;
  private final int featureCount;

  private TorchModel(PtModel model, int featureCount) {
    this.model = model;
    this.block = (SymbolBlock) model.getBlock();
    this.parameters = new ParameterStore(model.getNDManager(), false);
    this.featureCount = featureCount;
  }

  /**
   * Loads a module from bytes that were verified before.
   *
   * @throws IllegalArgumentException when the bytes are no TorchScript archive
   */
  public static TorchModel load(byte[] torchScript, int featureCount) {
    PtModel model = (PtModel) Engine.getEngine("PyTorch").newModel("model", Device.cpu());
    try {
      model.load(new ByteArrayInputStream(torchScript), null);
    } catch (IOException | MalformedModelException | RuntimeException e) {
      model.close();
      throw new IllegalArgumentException("not a TorchScript archive: " + e.getMessage(), e);
    }
    return new TorchModel(model, featureCount);
  }

  /**
   * Scores rows as the module gives them, unrounded and unchecked.
   *
   * @param rows row-major [rowCount, featureCount], NaN for a missing value
   * @return one score a row
   */
  public float[] score(float[] rows, int rowCount) {
    try (NDManager manager = model.getNDManager().newSubManager()) {
      NDArray input = manager.create(rows, new Shape(rowCount, featureCount));
      NDArray output = block.forward(parameters, new NDList(input), false).singletonOrThrow();
      return output.toFloatArray();
    }
  }

  /** As {@link #score(float[], int)}, from and into the head of the caller's arrays. */
  void score(float[] rows, int rowCount, float[] scores) {
    float[] head =
        rows.length == rowCount * featureCount
            ? rows
            : java.util.Arrays.copyOf(rows, rowCount * featureCount);
    float[] output = score(head, rowCount);
    if (output.length != rowCount) {
      throw new IllegalStateException(output.length + " scores, expected " + rowCount);
    }
    System.arraycopy(output, 0, scores, 0, rowCount);
  }

  @Override
  public void close() {
    model.close();
  }
}
