package io.apgms.ml.gateway;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.apgms.ml.gateway.History.Kind;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What the database holds of a campaign.
 *
 * @param rows decisions and labels
 * @param holds predictions with a hold in the outbox
 * @param actions each hold at each sink
 */
record HistoryTables(List<Stored> rows, Set<String> holds, List<Action> actions) {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** See {@link History.Operation}. */
  record Stored(Kind kind, String trace, String id, String sent, String answer, boolean enforced) {}

  record Action(String predictionId, String state) {}

  /**
   * Reads it whole.
   *
   * @throws SQLException where it cannot be read: nothing is known then, least of all that all is
   *     lost
   */
  static HistoryTables read(String url) throws SQLException, IOException {
    List<Stored> rows = new ArrayList<>();
    Set<String> holds = new HashSet<>();
    List<Action> actions = new ArrayList<>();
    try (Connection connection = DriverManager.getConnection(url);
        Statement statement = connection.createStatement()) {
      try (ResultSet row =
          statement.executeQuery(
              "SELECT id, groups, request_id, entity_id, features[8], score, enforced"
                  + " FROM feedback.decision WHERE groups IS NOT NULL")) {
        while (row.next()) {
          rows.add(decision(row));
        }
      }
      try (ResultSet row =
          statement.executeQuery(
              "SELECT id, notes, prediction_id, label, source, submitted_by, recorded_at"
                  + " FROM feedback.model_feedback")) {
        while (row.next()) {
          String sent = sentLabel(row.getString(3), row.getString(4), row.getString(6));
          rows.add(
              new Stored(Kind.LABEL, row.getString(2), row.getString(1), sent, "label", false));
        }
      }
      try (ResultSet row =
          statement.executeQuery(
              "SELECT o.prediction_id, coalesce(d.state, o.state) FROM feedback.action_outbox o"
                  + " JOIN feedback.decision p ON p.id = o.prediction_id AND p.groups IS NOT NULL"
                  + " LEFT JOIN feedback.action_delivery d ON d.outbox_id = o.id"
                  + " WHERE o.kind = 'hold'")) {
        while (row.next()) {
          holds.add(row.getString(1));
          actions.add(new Action(row.getString(1), row.getString(2)));
        }
      }
    }
    return new HistoryTables(rows, holds, actions);
  }

  private static Stored decision(ResultSet row) throws SQLException, IOException {
    return new Stored(
        Kind.DECISION,
        JSON.readTree(row.getString(2)).path("op").asText(),
        row.getString(1),
        sentDecision(row.getString(3), row.getString(4), row.getFloat(5)),
        answer(row.getDouble(6), row.getBoolean(7)),
        row.getBoolean(7));
  }

  static String sentDecision(String requestId, String entityId, float input) {
    return requestId + "|" + entityId + "|" + Integer.toHexString(Float.floatToIntBits(input));
  }

  static String sentLabel(String predictionId, String label, String submittedBy) {
    return predictionId + "|" + label + "|" + submittedBy;
  }

  static String answer(double score, boolean enforced) {
    return String.format(Locale.ROOT, "%.6f|%b", score, enforced);
  }
}
