package io.apgms.ml.gateway.http;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.apgms.ml.feedback.NewLabel;

/** Any bytes through the strict tree and each typed read: fields, or a client's refusal. */
class FieldsFuzzTest {
  @FuzzTest(maxDuration = "30s")
  void read(byte[] body) {
    try {
      Fields fields = new Fields(StrictJson.object(body));
      Refused.require(Rfc8259.accepts(body), "taken, and no JSON");
      fields.uuid("predictionId");
      fields.word("label", NewLabel.Label.class);
      fields.required("modelId", 64);
      fields.optional("notes", 2_000);
      fields.time("observedAt");
      fields.number("ttlMs", 1, 1_000);
      String metadata = fields.object("metadata", 16_384);
      Refused.require(metadata == null || Rfc8259.accepts(Refused.utf8(metadata)), "metadata");
      // escaped backslashes first: a text of a backslash and u0000 is no U+0000
      boolean nul = metadata != null && metadata.replace("\\\\", "").contains("\\u0000");
      Refused.require(!nul, "U+0000 in metadata");
      fields.check();
    } catch (Problem problem) {
      Refused.requireClients(problem);
    }
  }
}
