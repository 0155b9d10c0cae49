package io.apgms.ml.registry;

import java.time.Instant;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * An approval ticket: one candidate, to the byte, on its way to being promoted once.
 *
 * @param manifestDigest {@code sha256:…} of the candidate's manifest, which names every file
 * @param datasetSha256 of the training snapshot, as the manifest has it
 * @param gitCommit of the trainer, as the manifest has it
 * @param author who opened it; with those who brought evidence, who may not approve it
 * @param at the database's clock
 */
public record Ticket(
    long id,
    String model,
    String version,
    String manifestDigest,
    Trigger trigger,
    String datasetSha256,
    String gitCommit,
    String author,
    Instant at,
    String reason,
    UUID auditId) {
  private static final String PREFIX = "MLAPPROVAL-";
  private static final Pattern NAME = Pattern.compile(PREFIX + "[1-9][0-9]{0,17}");

  /** Why the model was trained again. */
  public enum Trigger {
    schedule,
    drift,
    budget,
    regulator,
    manual
  }

  /** {@code MLAPPROVAL-n}. */
  public String name() {
    return name(id);
  }

  /** Whether a text is of the form {@code MLAPPROVAL-n}. */
  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  static String name(long id) {
    return PREFIX + id;
  }

  /** The n of {@code MLAPPROVAL-n}; NotFound for any other text. */
  static long parse(String name) {
    if (!isName(name)) {
      throw new RegistryException.NotFound("no such ticket, expected MLAPPROVAL-n");
    }
    return Long.parseLong(name.substring(PREFIX.length()));
  }
}
