package io.apgms.ml.gateway;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A model that Python's PyTorch made, from its file to its scores over HTTP. */
class ITRegister {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String FEATURES =
      "liquidity_ratio,cash_burn_rate,revenue_variance,late_lodgements_12m,"
          + "days_since_last_lodgement,payroll_to_revenue,tax_debt_ratio,industry_volatility,"
          + "account_age_months,refund_claim_ratio,director_changes_24m,transaction_anomalies_30d";

  @TempDir Path dir;
  private final Map<String, String> settings = new HashMap<>();
  private String python = "";

  @BeforeEach
  void prepare() throws Exception {
    settings.put("ML_REGISTRY_DIR", dir.resolve("models").toString());
    settings.put("ML_DATA_DIR", dir.resolve("data").toString());
    python = process(RunningService.HOME.resolve("tools/install-torch.sh").toString());
    Files.createDirectories(dir.resolve("models"));
    String shipped = Files.readString(RunningService.HOME.resolve("conf/models/risk-score.yaml"));
    String ours =
        shipped
            .replace("model: risk-score ", "model: byo-score ")
            .replace("model: risk-score\n", "model: byo-score\n")
            .replace("rows: 24000", "rows: 4000");
    Files.writeString(dir.resolve("byo.yaml"), ours);
    Files.writeString(dir.resolve("seen.yaml"), ours.replace("seed: 20261116", "seed: 7"));
  }

  private String run(int exit, String... arguments) throws Exception {
    return RunningService.launcher(settings, exit, arguments);
  }

  private static String process(String... command) throws Exception {
    Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
    String out = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(p.waitFor(120, TimeUnit.SECONDS)).isTrue();
    assertThat(p.exitValue()).as(out).isZero();
    return out.lines().reduce((first, last) -> last).orElse("");
  }

  private JsonNode snapshot(String schema) throws Exception {
    return JSON.readTree(
        run(
            0,
            "snapshot",
            "--schema",
            dir.resolve(schema).toString(),
            "--out",
            dir.resolve("snapshots").toString(),
            "--json"));
  }

  private Path file(JsonNode snapshot) {
    return dir.resolve("snapshots").resolve(snapshot.path("sha256").asText() + ".csv.gz");
  }

  private String register(int exit, String model, Path heldOut) throws Exception {
    return run(
        exit,
        "register",
        "--schema",
        dir.resolve("byo.yaml").toString(),
        "--model-file",
        dir.resolve(model).toString(),
        "--data",
        heldOut.toString(),
        "--version",
        "20261125",
        "--run",
        dir.resolve("run").toString());
  }

  @Test
  void register_modelOfPyTorch_isMeasuredSignedAndServes() throws Exception {
    Path seen = dir.resolve("seen.csv");
    try (InputStream in = new GZIPInputStream(Files.newInputStream(file(snapshot("seen.yaml"))))) {
      Files.copy(in, seen);
    }
    Path heldOut = file(snapshot("byo.yaml"));
    process(
        python,
        RunningService.HOME.resolve("tools/torch_model.py").toString(),
        seen.toString(),
        dir.resolve("model.pt").toString(),
        FEATURES,
        "adverse_outcome");

    assertThat(register(0, "model.pt", heldOut)).contains("byo-score 20261125 registered");

    Path candidate = dir.resolve("candidates/byo-score/20261125");
    JsonNode evaluation = JSON.readTree(Files.readAllBytes(candidate.resolve("evaluation.json")));
    assertThat(evaluation.path("holdout").path("auc").asDouble()).isBetween(0.8, 0.9);
    assertThat(Files.readString(candidate.resolve("report.md"))).contains("trained elsewhere");
    assertThat(Files.readString(candidate.resolve("training_run.json")))
        .contains("\"trainer\" : \"external\"");
    run(0, "sign", "--model", "byo-score", "--version", "20261125");
    Files.createDirectories(dir.resolve("models/byo-score"));
    Files.move(candidate, dir.resolve("models/byo-score/20261125"));
    assertThat(run(0, "verify", "--gate", "integrity")).contains("pass integrity byo-score");

    try (RunningService service = RunningService.start(dir, settings)) {
      JsonNode answer =
          RunningService.json(
              service.api(
                  "POST",
                  "/ml/score",
                  """
                  {"modelId": "byo-score", "inputs": {"liquidity_ratio": 0.4,
                   "cash_burn_rate": 0.9, "revenue_variance": 1.8, "late_lodgements_12m": 5,
                   "days_since_last_lodgement": 210, "payroll_to_revenue": null,
                   "tax_debt_ratio": 0.9, "industry_volatility": 0.6, "account_age_months": 14,
                   "refund_claim_ratio": 0.5, "director_changes_24m": 3,
                   "transaction_anomalies_30d": 9}}"""));
      String ofPyTorch =
          process(
              python,
              "-c",
              "import torch; print(float(torch.jit.load('"
                  + dir.resolve("model.pt")
                  + "')(torch.tensor([[0.4,0.9,1.8,5,210,float('nan'),0.9,0.6,14,0.5,3,9]]))))");
      assertThat(answer.path("modelVersion").asText()).isEqualTo("20261125");
      assertThat(Math.abs(answer.path("score").asDouble() - Double.parseDouble(ofPyTorch)))
          .isLessThan(2e-6);
    }
  }

  /** A module whose forward is that expression over {@code rows}; saved as it stands. */
  private void module(String name, String body) throws Exception {
    Path script = dir.resolve(name + ".py");
    Files.writeString(
        script,
        """
        import torch
        class M(torch.nn.Module):
            def forward(self, rows: torch.Tensor) -> torch.Tensor:
                rows = torch.nan_to_num(rows)
                return %s
        torch.jit.script(M()).save('%s')
        """
            .formatted(body, dir.resolve(name)));
    process(python, script.toString());
  }

  @Test
  void register_moduleThatCannotServe_isRefusedWithTheReason() throws Exception {
    Path heldOut = file(snapshot("byo.yaml"));
    module("logits.pt", "rows[:, 0] * 10");
    module("dropout.pt", "torch.dropout(torch.sigmoid(rows[:, 0]), 0.1, True) * 0.5");
    module("narrow.pt", "torch.sigmoid(torch.mm(rows, torch.ones([3, 1])))");
    Files.writeString(dir.resolve("text.pt"), "no archive");

    assertThat(register(1, "logits.pt", heldOut)).contains("expected a probability");
    assertThat(register(1, "dropout.pt", heldOut)).contains("was the module saved after eval()?");
    assertThat(register(1, "narrow.pt", heldOut))
        .contains("the module cannot score rows of 12 float32 columns");
    assertThat(register(1, "text.pt", heldOut)).contains("not a TorchScript archive");
    assertNothingWritten();
  }

  private void assertNothingWritten() throws IOException {
    assertThat(dir.resolve("candidates")).doesNotExist();
    assertThat(dir.resolve("run")).doesNotExist();
  }
}
