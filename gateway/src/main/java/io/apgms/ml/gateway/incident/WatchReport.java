package io.apgms.ml.gateway.incident;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** The closing report of a watch, as Markdown and for machines. */
public final class WatchReport {
  private static final ObjectMapper JSON = new ObjectMapper();

  private WatchReport() {}

  /** The page. */
  public static String markdown(Watch.Material of, List<Watch.Check> checks) {
    Deployed.Revision revision = of.revision();
    StringBuilder page = new StringBuilder();
    page.append(
        Words.text(
            """
            # Watch of %s, revision %d: %s

            %s %s -> %s at %s%s; judged until %s, beside %s.

            | check | outcome | after | before | |
            |---|---|---|---|---|
            """,
            of.model(),
            revision.number(),
            Watch.outcome(checks),
            revision.kind(),
            revision.from() == null ? "none" : revision.from(),
            revision.version(),
            Words.at(revision.at()),
            revision.ticket() == null ? "" : ", " + revision.ticket(),
            Words.at(of.until()),
            of.before() == null ? "nothing" : "as long before"));
    for (Watch.Check c : checks) {
      page.append(
          Words.text(
              "| %s | %s | %s | %s | %s |\n",
              c.name(), c.outcome(), c.after(), c.before(), c.said()));
    }
    if (!of.unknown().isEmpty()) {
      page.append("\nNot known when this was written:\n\n");
      of.unknown().forEach(what -> page.append("- ").append(what).append('\n'));
    }
    return page.toString();
  }

  /** The same as JSON. */
  public static ObjectNode json(Watch.Material of, List<Watch.Check> checks) {
    ObjectNode out = JSON.createObjectNode().put("modelId", of.model());
    out.put("revision", of.revision().number()).put("version", of.revision().version());
    out.put("from", of.revision().at().toString()).put("until", of.until().toString());
    out.put("outcome", Watch.outcome(checks).name());
    ArrayNode list = out.putArray("checks");
    for (Watch.Check c : checks) {
      ObjectNode check = list.addObject().put("check", c.name());
      check.put("outcome", c.outcome().name()).put("after", c.after());
      check.put("before", c.before()).put("detail", c.said());
    }
    ArrayNode unknown = out.putArray("unknown");
    of.unknown().forEach(unknown::add);
    return out;
  }
}
