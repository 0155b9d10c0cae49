package io.apgms.ml.gateway.pagerduty;

import io.apgms.ml.gateway.mirror.JsonCalls;
import io.apgms.ml.gateway.mirror.LogMirror;
import io.apgms.ml.gateway.mirror.TellException;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.ChangeNotes;
import io.apgms.ml.registry.ChangeNotes.Note;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Map;

/**
 * Tells PagerDuty each promotion, rollback, pin and forced mode, in order, from the audit log: a
 * change event of the service, which PagerDuty shows beside its incidents.
 */
public final class PagerDutyNotes implements LogMirror.To<Note> {
  private static final String PATH = "/v2/change/enqueue";
  private static final LogMirror.Counters COUNTERS =
      new LogMirror.Counters("apgms_ml_incident_notes", "changes on their way to PagerDuty");

  private final JsonCalls calls;
  private final String routingKey;

  private PagerDutyNotes(Settings.PagerDuty settings) {
    this.routingKey = settings.routingKey();
    this.calls = new JsonCalls(settings.url(), Map.of(), routingKey);
  }

  /** Tells nothing before it is started. */
  public static LogMirror<Note> mirror(
      Settings.PagerDuty settings, ChangeNotes notes, String holder, MeterRegistry meters) {
    return new LogMirror<>(new PagerDutyNotes(settings), notes, holder, meters, COUNTERS);
  }

  @Override
  public String name() {
    return "pagerduty";
  }

  @Override
  public String describe(Note note) {
    return note.action() + " of " + note.subject() + " (audit " + note.auditId() + ")";
  }

  @Override
  public void tell(Note note) throws TellException {
    calls.call("POST", PATH, ChangeEvent.of(note, routingKey));
  }
}
