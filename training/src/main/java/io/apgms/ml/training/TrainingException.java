package io.apgms.ml.training;

/** What a retraining step refuses, by kind. */
public abstract sealed class TrainingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private TrainingException(String message) {
    super(message);
  }

  /** The schema file is not what it must be. */
  public static final class Schema extends TrainingException {
    private static final long serialVersionUID = 1L;

    public Schema(String message) {
      super(message);
    }
  }

  /** The data file is not there; the message says where the original is published. */
  public static final class DataMissing extends TrainingException {
    private static final long serialVersionUID = 1L;

    public DataMissing(String message) {
      super(message);
    }
  }

  /** The data is there but is not what the schema or the run names. */
  public static final class Data extends TrainingException {
    private static final long serialVersionUID = 1L;

    public Data(String message) {
      super(message);
    }
  }

  /** A run folder or an artifact is incomplete, unreadable or already there. */
  public static final class Run extends TrainingException {
    private static final long serialVersionUID = 1L;

    public Run(String message) {
      super(message);
    }
  }

  /** The written module does not score as the trained model does. */
  public static final class Export extends TrainingException {
    private static final long serialVersionUID = 1L;

    public Export(String message) {
      super(message);
    }
  }
}
