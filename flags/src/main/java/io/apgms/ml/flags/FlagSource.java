package io.apgms.ml.flags;

/** Feeds {@link DecisionModes} from a thread of its own until it is closed. */
public interface FlagSource extends AutoCloseable {
  @Override
  void close();
}
