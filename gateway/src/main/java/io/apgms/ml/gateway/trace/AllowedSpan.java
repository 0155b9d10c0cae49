package io.apgms.ml.gateway.trace;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.trace.data.DelegatingSpanData;
import io.opentelemetry.sdk.trace.data.EventData;
import io.opentelemetry.sdk.trace.data.LinkData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.data.StatusData;
import java.util.List;

/** A span as it may leave the process, whatever was put into it. */
final class AllowedSpan extends DelegatingSpanData {
  private final Attributes attributes;
  private final StatusData status;

  AllowedSpan(SpanData span) {
    super(span);
    this.attributes =
        span.getAttributes().toBuilder().removeIf(key -> !SpanKeys.ALLOWED.contains(key)).build();
    this.status = StatusData.create(span.getStatus().getStatusCode(), "");
  }

  @Override
  public Attributes getAttributes() {
    return attributes;
  }

  /** The description would be an exception's message. */
  @Override
  public StatusData getStatus() {
    return status;
  }

  /** So would an event's attributes. */
  @Override
  public List<EventData> getEvents() {
    return List.of();
  }

  @Override
  public int getTotalRecordedEvents() {
    return 0;
  }

  @Override
  public List<LinkData> getLinks() {
    return List.of();
  }

  @Override
  public int getTotalRecordedLinks() {
    return 0;
  }
}
