package io.apgms.ml.gateway;

import io.apgms.ml.gateway.settings.Settings;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;

/** The service with every meter denied, so that the cost of metrics can be told. */
public final class Unmetered {
  private Unmetered() {}

  /** Settings are those of the environment; arguments are not looked at. */
  public static void main(String[] args) throws Exception {
    Path home = Path.of(System.getProperty("ml.home"));
    PrometheusMeterRegistry meters = Metrics.registry();
    meters.config().meterFilter(MeterFilter.deny());
    Service service = Service.start(Settings.read(home, System.getenv()), meters);
    Runtime.getRuntime().addShutdownHook(new Thread(service::close));
  }
}
