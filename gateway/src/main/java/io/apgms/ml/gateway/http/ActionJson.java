package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.feedback.ActionView;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** What became of an action at a sink, as both listeners tell it. */
public final class ActionJson {
  private ActionJson() {}

  public static ObjectNode of(ActionView action) {
    return Answers.object()
        .put("eventId", action.eventId())
        .put("action", action.kind())
        .put("sink", action.sink())
        .put("state", action.state())
        .put("attempts", action.attempts())
        .put("status", action.status())
        .put("reason", action.reason())
        .put("createdAt", action.createdAt().toString())
        .put("checkedAt", text(action.checkedAt()))
        .put("endedAt", text(action.endedAt()));
  }

  private static @Nullable String text(@Nullable Instant at) {
    return at == null ? null : at.toString();
  }
}
