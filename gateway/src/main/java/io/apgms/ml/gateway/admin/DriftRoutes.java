package io.apgms.ml.gateway.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apgms.ml.gateway.http.Answers;
import io.apgms.ml.gateway.http.FieldError;
import io.apgms.ml.gateway.http.Guard;
import io.apgms.ml.gateway.http.Problem;
import io.apgms.ml.scoring.ScoringRuntime;
import io.apgms.ml.scoring.ServedModel;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.List;

/** {@code /admin/models/{m}/drift}: how far what arrives is from what a version was trained on. */
final class DriftRoutes {
  private final DriftVerticle drift;
  private final ScoringRuntime runtime;

  DriftRoutes(DriftVerticle drift, ScoringRuntime runtime) {
    this.drift = drift;
    this.runtime = runtime;
  }

  void mount(Router router, Guard guard) {
    router.get("/admin/models/:model/drift").handler(guard.staff()).handler(this::drift);
  }

  /** As it was read last: it needs no database. */
  private void drift(RoutingContext rc) {
    String model = rc.pathParam("model");
    if (!runtime.knows(model)) {
      throw Problem.of(404, "unknown model " + FieldError.quote(model));
    }
    DriftVerticle.Reading reading = drift.reading();
    ServedModel active = runtime.active(model);
    List<VersionDrift> versions = new ArrayList<>(reading == null ? List.of() : reading.of(model));
    if (active != null && versions.stream().noneMatch(v -> v.version().equals(active.version()))) {
      versions.add(VersionDrift.nothing(active));
    }
    ObjectNode out =
        Answers.object()
            .put("modelId", model)
            .put("measuredAt", reading == null ? null : reading.at().toString());
    ArrayNode list = out.putArray("versions");
    for (VersionDrift v : versions) {
      list.add(json(v).put("active", active != null && active.version().equals(v.version())));
    }
    Answers.send(rc, 200, out);
  }

  private static ObjectNode json(VersionDrift v) {
    ObjectNode out =
        Answers.object()
            .put("version", v.version())
            .put("window", v.window())
            .put("drifted", v.isDrifted());
    out.set("score", json(v.score()));
    ArrayNode features = out.putArray("features");
    for (ColumnDrift c : v.features()) {
      features.add(
          json(c)
              .put("name", c.counts().feature())
              .put("missingRatio", ColumnDrift.known(c.missingRatio()))
              .put("outOfRangeRatio", ColumnDrift.known(c.outOfRangeRatio())));
    }
    return out;
  }

  private static ObjectNode json(ColumnDrift c) {
    return Answers.object()
        .put("verdict", c.drift().verdict().wire())
        .put("rows", c.drift().rows())
        .put("psi", ColumnDrift.known(c.drift().psi()))
        .put("jensenShannon", ColumnDrift.known(c.drift().jensenShannon()))
        .put("threshold", ColumnDrift.known(c.drift().threshold()));
  }
}
