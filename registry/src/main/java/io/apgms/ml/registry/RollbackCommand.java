package io.apgms.ml.registry;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A request to roll a model back.
 *
 * @param reason not blank, at most 2,000 characters
 * @param toRevision the revision whose version is to serve again; null for the last good one
 * @param incident incident it belongs to
 * @param idempotencyKey the same key with the same request rolls back once
 * @param targetDigest digest of the artifact the caller has verified: when the target turns out to
 *     be another one, nothing is done (Conflict); null skips the check
 */
public record RollbackCommand(
    String model,
    String actor,
    String reason,
    @Nullable Integer toRevision,
    @Nullable String incident,
    @Nullable String idempotencyKey,
    @Nullable String targetDigest) {
  public RollbackCommand {
    Names.requireModel(model);
    Text.require("actor", actor, Text.MAX_ID);
    Text.require("reason", reason, Text.MAX_REASON);
    Text.optional("incident", incident, Text.MAX_ID);
    Text.optional("Idempotency-Key", idempotencyKey, Text.MAX_ID);
    if (targetDigest != null) {
      Text.requireDigest(targetDigest);
    }
  }

  /** The same request bound to the artifact that was verified for it. */
  public RollbackCommand withTargetDigest(String digest) {
    return new RollbackCommand(model, actor, reason, toRevision, incident, idempotencyKey, digest);
  }

  /** What the key stands for: neither who retries nor what was verified is part of it. */
  String bodyHash() {
    return ArtifactStore.sha256(
        StrictJson.bytes(Arrays.asList("rollback", model, reason, toRevision, incident)));
  }
}
