package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The Open Inference Protocol as its own client speaks it; tools/triton_client.py has the steps.
 */
class ITInference {
  private static final String CLIENT =
      "$(tools/install-python.sh tritonclient 'tritonclient[http]==2.73.0')"
          + " tools/triton_client.py localhost:8080 ";

  @TempDir Path dir;

  @Test
  void tritonclient_wholeLifeCycle_holds() throws Exception {
    try (RunningService service = RunningService.start(dir, Map.of())) {
      for (String model : new String[] {"risk-score", "credit-default"}) {
        assertThat(service.shell(CLIENT + model)).endsWith("done");
      }
      // The positive control: the same steps on a model that is not there stop at the first of it.
      assertThat(service.shell("! " + CLIENT + "nobody")).contains("404");
      assertThat(service.metric("apgms_ml_decisions_total", "enforced=\"true\"")).isZero();
      assertThat(service.metric("apgms_ml_decisions_total")).isGreaterThan(2 * 4_096);
    }
  }
}
