package io.apgms.ml.gateway;

import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.vertx.core.Vertx;
import io.vertx.core.VertxBuilder;
import io.vertx.core.VertxOptions;
import io.vertx.core.eventbus.EventBusOptions;
import io.vertx.core.transport.Transport;
import io.vertx.micrometer.MetricsDomain;
import io.vertx.micrometer.MicrometerMetricsFactory;
import io.vertx.micrometer.MicrometerMetricsOptions;

/** The meter registry, and a Vert.x that reports into it. */
final class Metrics {
  private Metrics() {}

  static PrometheusMeterRegistry registry() {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    // Registered once for the pool and again for the subscriber, with the same tags.
    registry.config().meterFilter(MeterFilter.denyNameStartsWith("vertx.sql.processing"));
    new JvmMemoryMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry); // a restart shows in the metrics
    new JvmGcMetrics().bindTo(registry); // lives as long as the process
    return registry;
  }

  /**
   * Vert.x reports pools only. Its HTTP, net and event-bus meters look tags up for each request and
   * message; the gateway counts requests itself with cached meters.
   */
  static VertxBuilder vertx(
      PrometheusMeterRegistry registry, Transport transport, EventBusOptions bus) {
    MicrometerMetricsOptions metrics =
        new MicrometerMetricsOptions()
            .setEnabled(true)
            .addDisabledMetricsCategory(MetricsDomain.HTTP_SERVER)
            .addDisabledMetricsCategory(MetricsDomain.NET_SERVER)
            .addDisabledMetricsCategory(MetricsDomain.NET_CLIENT)
            .addDisabledMetricsCategory(MetricsDomain.EVENT_BUS);
    return Vertx.builder()
        .with(new VertxOptions().setMetricsOptions(metrics).setEventBusOptions(bus))
        .withMetrics(new MicrometerMetricsFactory(registry))
        .withTransport(transport);
  }
}
