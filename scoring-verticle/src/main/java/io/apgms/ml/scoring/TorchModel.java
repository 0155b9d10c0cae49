package io.apgms.ml.scoring;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.ndarray.types.SparseFormat;
import ai.djl.pytorch.engine.PtModel;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * A TorchScript module in native memory: float32 rows [n, features] in, one score a row out. For
 * any number of threads; to be closed when none uses it.
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

  /** Rows that a kept buffer has room for; larger calls get one of their own. */
  private static final int KEPT_ROWS = 256;

  private final PtModel model;
  private final PtSymbolBlock block;
  private final PtNDManager manager;
  private final int featureCount;
  private final ConcurrentLinkedQueue<Input> idle = new ConcurrentLinkedQueue<>();

  private TorchModel(PtModel model, int featureCount) {
    this.model = model;
    this.block = (PtSymbolBlock) model.getBlock();
    this.manager = (PtNDManager) model.getNDManager();
    this.featureCount = featureCount;
  }

  /** Loads libtorch, which takes about a second the first time. Blocking. */
  public static void loadEngine() {
    // the static initialiser has done it
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
    float[] scores = new float[rowCount];
    score(rows, rowCount, scores);
    return scores;
  }

  /** As {@link #score(float[], int)}, from and into the head of the caller's arrays. */
  void score(float[] rows, int rowCount, float[] scores) {
    score(rows, 0, rowCount, scores);
  }

  /** As {@link #score(float[], int)}, from a row of the array on, into the head of another. */
  void score(float[] rows, int firstRow, int rowCount, float[] scores) {
    if (rowCount > KEPT_ROWS) {
      try (Input once = new Input(rowCount)) {
        once.forward(rows, firstRow, rowCount, scores);
      }
      return;
    }
    Input input = idle.poll();
    if (input == null) {
      input = new Input(KEPT_ROWS);
    }
    try {
      input.forward(rows, firstRow, rowCount, scores);
    } finally {
      idle.add(input);
    }
  }

  @Override
  public void close() {
    for (Input input = idle.poll(); input != null; input = idle.poll()) {
      input.close();
    }
    model.close();
  }

  /**
   * A direct buffer that libtorch reads in place, with one tensor over it for each number of rows
   * that was asked for. Making the tensors anew costs a single row a third of its time.
   */
  private final class Input implements AutoCloseable {
    private final ByteBuffer bytes;
    private final @Nullable IValue[] tensors;

    Input(int maxRows) {
      bytes =
          ByteBuffer.allocateDirect(maxRows * featureCount * Float.BYTES)
              .order(ByteOrder.nativeOrder());
      tensors = new IValue[maxRows + 1];
    }

    void forward(float[] rows, int firstRow, int rowCount, float[] scores) {
      bytes.asFloatBuffer().put(rows, firstRow * featureCount, rowCount * featureCount);
      IValue kept = tensors[rowCount];
      IValue input = kept == null ? tensor(rowCount) : kept;
      try (IValue result = IValueUtils.runMethod(block, "forward", input);
          PtNDArray output = result.toTensor(manager)) {
        if (kept == null) {
          require(output, rowCount);
          tensors[rowCount] = input;
        }
        JniUtils.getByteBuffer(output, true)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer()
            .get(scores, 0, rowCount);
      } finally {
        if (tensors[rowCount] == null) { // refused or failed: not kept
          input.close();
        }
      }
    }

    private IValue tensor(int rowCount) {
      try (PtNDArray array =
          JniUtils.createNdFromByteBuffer(
              manager,
              bytes,
              new Shape(rowCount, featureCount),
              DataType.FLOAT32,
              SparseFormat.DENSE,
              Device.cpu())) {
        return IValue.from(array); // counts as a user of the tensor
      }
    }

    private static void require(PtNDArray output, int rowCount) {
      if (output.getDataType() != DataType.FLOAT32 || output.size() != rowCount) {
        throw new IllegalStateException(
            "the module gives "
                + output.getDataType()
                + output.getShape()
                + ", expected float32["
                + rowCount
                + "]");
      }
    }

    @Override
    public void close() {
      for (IValue tensor : tensors) {
        if (tensor != null) {
          tensor.close();
        }
      }
    }
  }
}
