package io.apgms.ml.gateway.trace;

import io.apgms.ml.feedback.SendTracing;
import io.apgms.ml.gateway.settings.SettingsException;
import io.micrometer.core.instrument.MeterRegistry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.spi.ConfigurationException;
import io.opentelemetry.sdk.resources.Resource;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * OpenTelemetry, set by its own variables and off without an endpoint: then no SDK is made, and
 * traces are but carried on.
 *
 * @see <a href="https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/">
 *     its variables</a>
 */
public final class Tracing implements AutoCloseable {
  private static final String ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
  private static final String TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
  private static final int QUEUE = 2_048; // the specification's
  private static final long CLOSE_SECONDS = 2;

  private final @Nullable OpenTelemetrySdk sdk;
  private final @Nullable Spans spans;

  private Tracing(@Nullable OpenTelemetrySdk sdk) {
    this.sdk = sdk;
    this.spans = sdk == null ? null : new Spans(sdk.getTracer("io.apgms.ml"));
  }

  /**
   * Starts it where an endpoint is set; asks nobody anything.
   *
   * @param variables the {@code OTEL_*} ones
   * @param replica id of this process
   * @throws SettingsException naming what they should be
   */
  public static Tracing open(Map<String, String> variables, String replica, MeterRegistry meters) {
    SpanBudget budget = new SpanBudget(meters);
    if (!set(variables, ENDPOINT) && !set(variables, TRACES_ENDPOINT)) {
      return new Tracing(null);
    }
    try {
      return new Tracing(sdk(variables, replica, budget));
    } catch (ConfigurationException | IllegalArgumentException e) {
      throw new SettingsException(
          "OTEL_*", message(e), "values as OpenTelemetry's specification has them");
    }
  }

  private static boolean set(Map<String, String> variables, String name) {
    String value = variables.get(name);
    return value != null && !value.isBlank();
  }

  /** Without a value that may be a secret. */
  private static String message(RuntimeException e) {
    String message = String.valueOf(e.getMessage());
    return message.contains("headers") ? "(headers)" : message;
  }

  private static OpenTelemetrySdk sdk(
      Map<String, String> variables, String replica, SpanBudget budget) {
    return AutoConfiguredOpenTelemetrySdk.builder()
        .disableShutdownHook()
        .addPropertiesSupplier(Tracing::presets)
        .addPropertiesCustomizer(config -> properties(variables))
        .addResourceCustomizer((resource, config) -> resource.merge(here(replica)))
        .addSpanExporterCustomizer((exporter, config) -> budget.before(exporter))
        .addSpanProcessorCustomizer(
            (queue, config) ->
                budget.before(queue, config.getInt("otel.bsp.max.queue.size", QUEUE)))
        .build()
        .getOpenTelemetrySdk();
  }

  /** Metrics and logs have their own ways out; the JDK's client speaks no gRPC. */
  private static Map<String, String> presets() {
    return Map.of(
        "otel.service.name", "ml-service",
        "otel.metrics.exporter", "none",
        "otel.logs.exporter", "none",
        "otel.exporter.otlp.protocol", "http/protobuf");
  }

  private static Map<String, String> properties(Map<String, String> variables) {
    Map<String, String> properties = new HashMap<>();
    variables.forEach(
        (name, value) -> properties.put(name.toLowerCase(Locale.ROOT).replace('_', '.'), value));
    return properties;
  }

  private static Resource here(String replica) {
    String version = Tracing.class.getPackage().getImplementationVersion();
    return Resource.create(
        Attributes.of(
            AttributeKey.stringKey("service.instance.id"),
            replica,
            AttributeKey.stringKey("service.version"),
            version == null ? "development" : version));
  }

  /** Null where it is off. */
  public @Nullable Spans spans() {
    return spans;
  }

  /** What the sender of actions tells. */
  public SendTracing sends() {
    return spans == null ? SendTracing.CARRIED : spans;
  }

  /** What waits is sent, if that takes no more than two seconds. */
  @Override
  public void close() {
    if (sdk != null) {
      sdk.getSdkTracerProvider().shutdown().join(CLOSE_SECONDS, TimeUnit.SECONDS);
    }
  }
}
