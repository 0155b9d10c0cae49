package io.apgms.ml.training.report;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.apgms.ml.training.TrainingException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * The JSON files of a run: stable order, line ends and indents, so that same runs are same bytes.
 */
public final class Json {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.ALWAYS))
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();
  private static final ObjectWriter PRETTY =
      MAPPER.writer(
          new DefaultPrettyPrinter()
              .withObjectIndenter(new DefaultIndenter("  ", "\n"))
              .withArrayIndenter(DefaultPrettyPrinter.FixedSpaceIndenter.instance));

  private Json() {}

  /** Indented UTF-8 with a final newline. */
  public static byte[] write(Object value) {
    try {
      return (PRETTY.writeValueAsString(value) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a report can always be written", e);
    }
  }

  /**
   * Reads a file of a run.
   *
   * @throws TrainingException.Run naming the file
   */
  public static <T> T read(byte[] json, Class<T> type, String name) {
    try {
      return MAPPER.readValue(json, type);
    } catch (IOException e) {
      throw new TrainingException.Run(name + ": " + e.getMessage());
    }
  }
}
