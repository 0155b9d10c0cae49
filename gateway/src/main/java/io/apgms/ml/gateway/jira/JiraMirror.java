package io.apgms.ml.gateway.jira;

import io.apgms.ml.gateway.mirror.LogMirror;
import io.apgms.ml.gateway.mirror.TellException;
import io.apgms.ml.gateway.settings.Settings;
import io.apgms.ml.registry.Ticket;
import io.apgms.ml.registry.TicketMirror;
import io.apgms.ml.registry.TicketMirror.Step;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells Jira each step of each ticket, in order, from the audit log: an issue a ticket, a comment a
 * step, a transition when it is closed. What Jira does not take is in {@code
 * registry.jira_skipped}.
 */
public final class JiraMirror implements LogMirror.To<Step> {
  private static final Logger LOG = LoggerFactory.getLogger(JiraMirror.class);
  private static final LogMirror.Counters COUNTERS =
      new LogMirror.Counters("apgms_ml_ticket_mirror", "steps of tickets on their way to Jira");

  private final JiraClient jira;
  private final TicketMirror tickets;

  private JiraMirror(Settings.Jira settings, TicketMirror tickets) {
    this.jira = new JiraClient(settings);
    this.tickets = tickets;
  }

  /** Tells nothing before it is started. */
  public static LogMirror<Step> mirror(
      Settings.Jira settings, TicketMirror tickets, String holder, MeterRegistry meters) {
    return new LogMirror<>(new JiraMirror(settings, tickets), tickets, holder, meters, COUNTERS);
  }

  @Override
  public String name() {
    return "jira";
  }

  @Override
  public String describe(Step step) {
    return step.ticket().name() + " " + step.action();
  }

  @Override
  public void tell(Step step) throws TellException {
    String key = step.issueKey();
    if (key == null) {
      Ticket t = step.ticket();
      key =
          jira.create(
              t.name() + ": promote " + t.model() + " " + t.version(),
              StepText.opened(t),
              t.name().toLowerCase(Locale.ROOT));
      LogMirror.await(tickets.created(t, key));
    }
    if (step.action().equals("ticket.open")) {
      return;
    }
    jira.comment(key, StepText.of(step));
    if (step.action().equals("ticket.close") && !jira.finish(key)) {
      LOG.warn("{} has no transition to a status that is done", key);
    }
  }
}
