package io.apgms.ml.gateway.http;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.apgms.ml.gateway.decision.ScoreCall;

/** Any bytes: a call for the model, or a refusal that is the client's. */
class ScoreReaderFuzzTest {
  private static final ScoreReader READER = JsonCorpus.reader();

  @FuzzTest(maxDuration = "30s")
  void read(byte[] body) {
    ScoreCall call;
    try {
      call = READER.read(body);
    } catch (Problem problem) {
      Refused.requireClients(problem);
      return;
    }
    Refused.require(Rfc8259.accepts(body), "taken, and no JSON");
    float[] row = call.row();
    Refused.require(row.length == 2 && !(row[0] < -1.5 || row[0] > 10), "ratio out of range");
    Refused.require(row[1] >= 0 && row[1] <= 100 && row[1] == Math.rint(row[1]), "count");
    Refused.require(call.modelId().equals("m"), "another model");
    String groups = call.groups();
    Refused.require(groups == null || Rfc8259.accepts(Refused.utf8(groups)), "groups");
  }
}
