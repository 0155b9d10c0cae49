package io.apgms.ml.flags;

/**
 * Feeds {@link DecisionModes#fetched} and {@link CanaryShare#fetched} from a thread of its own
 * until it is closed.
 *
 * <p>Whichever provider it stands for, it hands over only what the provider itself has just said,
 * never what it kept: an outage is to be seen as age. It never throws and never waits for its
 * provider where it is started or closed.
 */
public interface FlagSource extends AutoCloseable {
  @Override
  void close();
}
