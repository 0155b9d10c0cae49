package io.apgms.ml.gateway.http;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.apgms.ml.gateway.decision.ScoreCall;
import io.apgms.ml.registry.Names;
import io.apgms.ml.scoring.ServedModel;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Reads score requests straight from their bytes into feature slots, with no map between.
 *
 * <p>One instance an event loop: it keeps the compiled schemas of the models it has seen.
 */
public final class ScoreReader {
  private static final int MAX_ERRORS = 16;
  private static final int MAX_SCHEMAS = 256;
  private static final int MAX_ID = 128;
  private static final int MAX_GROUPS = 16;
  private static final List<String> KEYS =
      List.of("modelId", "inputs", "modelVersion", "requestId", "entityId", "groups", "explain");

  /** Told which features of a model a request was refused for. */
  public interface Refusals {
    /** One feature, by its place in the tensor: it was missing, or outside its range. */
    void refused(ServedModel model, int feature, boolean missing);
  }

  private final Function<String, @Nullable ServedModel> active;
  private final Refusals refusals;
  private final IdentityHashMap<ServedModel, InputSchema> schemas = new IdentityHashMap<>();

  /**
   * Reads for the models that are served now.
   *
   * @param active the active version of a model id, null where there is none
   */
  public ScoreReader(Function<String, @Nullable ServedModel> active) {
    this(active, (model, feature, missing) -> {});
  }

  /** Tells also what it refuses. */
  ScoreReader(Function<String, @Nullable ServedModel> active, Refusals refusals) {
    this.active = active;
    this.refusals = refusals;
  }

  /** The call, or a {@link Problem}: 400 malformed, 404 unknown model, 422 naming each field. */
  public ScoreCall read(byte[] body) {
    StrictJson.requireUtf8(body);
    Pass pass = new Pass(null);
    try {
      pass.run(body);
      if (pass.inputsBeforeModel && pass.modelId != null) {
        pass = new Pass(pass.modelId);
        pass.run(body);
      }
    } catch (IOException e) {
      throw Problem.of(400, "the body cannot be read as JSON, expected UTF-8");
    }
    return pass.finish();
  }

  private InputSchema schema(ServedModel model) {
    if (schemas.size() >= MAX_SCHEMAS) {
      schemas.clear();
    }
    return schemas.computeIfAbsent(model, m -> new InputSchema(m.features()));
  }

  /** One walk over the body. A second one is made when inputs stand before the model's name. */
  private final class Pass {
    private final List<FieldError> errors = new ArrayList<>(0);
    private final @Nullable String knownModel;
    private int seen;
    private boolean inputsBeforeModel;
    private @Nullable String modelId;
    private @Nullable String modelVersion;
    private @Nullable String requestId;
    private @Nullable String entityId;
    private @Nullable String groups;
    private boolean explain;
    private float @Nullable [] row;
    private @Nullable ServedModel served; // whose features the inputs are
    private @Nullable BitSet refused; // two bits a feature; none in the usual case

    Pass(@Nullable String knownModel) {
      this.knownModel = knownModel;
    }

    void run(byte[] body) throws IOException {
      try (JsonParser in = StrictJson.FACTORY.createParser(body)) {
        try {
          object(in);
        } catch (JsonProcessingException e) {
          throw StrictJson.malformed(e, in);
        }
      }
    }

    private void object(JsonParser in) throws IOException {
      JsonToken first = in.nextToken();
      if (first == null) {
        throw Problem.of(400, "the body is empty, expected a JSON object");
      }
      if (first != JsonToken.START_OBJECT) {
        in.skipChildren();
        requireEnd(in);
        throw Problem.field(422, "", "the body is " + kindOf(first) + ", expected a JSON object");
      }
      for (String key = in.nextFieldName(); key != null; key = in.nextFieldName()) {
        in.nextToken();
        key(in, key);
      }
      requireEnd(in);
    }

    private void requireEnd(JsonParser in) throws IOException {
      if (in.nextToken() != null) {
        throw Problem.of(400, "bytes after the JSON object, expected its end");
      }
    }

    private void key(JsonParser in, String key) throws IOException {
      int index = KEYS.indexOf(key);
      if (index < 0) {
        refuse("/" + FieldError.token(key), "unknown, expected one of " + KEYS);
        in.skipChildren();
        return;
      }
      if ((seen & (1 << index)) != 0) {
        throw Problem.field(400, "/" + key, "the key stands twice, expected once");
      }
      seen |= 1 << index;
      switch (index) {
        case 0 -> modelId = text(in, key, 64);
        case 1 -> inputs(in);
        case 2 -> modelVersion = version(text(in, key, 16));
        case 3 -> requestId = text(in, key, MAX_ID);
        case 4 -> entityId = text(in, key, MAX_ID);
        case 5 -> groups = groups(in);
        default -> explain(in);
      }
    }

    private @Nullable String text(JsonParser in, String key, int max) throws IOException {
      if (in.currentToken() != JsonToken.VALUE_STRING) {
        refuse("/" + key, StrictJson.kind(in) + ", expected a string");
        in.skipChildren();
        return null;
      }
      String text = in.getText();
      if (text.isEmpty() || (text.length() > max && text.codePointCount(0, text.length()) > max)) {
        refuse(
            "/" + key, text.codePointCount(0, text.length()) + " characters, expected 1 to " + max);
        return null;
      }
      StrictJson.requireWellFormed("/" + key, text);
      return text;
    }

    private @Nullable String version(@Nullable String text) {
      if (text != null && !Names.isVersion(text)) {
        refuse("/modelVersion", FieldError.quote(text) + ", expected YYYYMMDD or YYYYMMDD-n");
      }
      return text;
    }

    private void explain(JsonParser in) throws IOException {
      explain = in.currentToken() == JsonToken.VALUE_TRUE;
      if (!explain && in.currentToken() != JsonToken.VALUE_FALSE) {
        refuse("/explain", StrictJson.kind(in) + ", expected a boolean");
        in.skipChildren();
      }
    }

    private @Nullable String groups(JsonParser in) throws IOException {
      if (in.currentToken() != JsonToken.START_OBJECT) {
        refuse("/groups", StrictJson.kind(in) + ", expected an object");
        in.skipChildren();
        return null;
      }
      StringWriter json = new StringWriter();
      Set<String> names = new HashSet<>();
      try (JsonGenerator out = StrictJson.FACTORY.createGenerator(json)) {
        out.writeStartObject();
        for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
          in.nextToken();
          if (!names.add(name)) {
            throw Problem.field(400, "/groups", "a key of it stands twice, expected once");
          }
          StrictJson.requireWellFormed("/groups", name);
          if (name.isEmpty() || name.codePointCount(0, name.length()) > 64) {
            refuse("/groups", "a key of other than 1 to 64 characters");
          }
          String value = text(in, "groups/" + FieldError.token(name), 64);
          if (value != null) {
            out.writeStringField(name, value);
          }
        }
        out.writeEndObject();
      }
      if (names.size() > MAX_GROUPS) {
        refuse("/groups", names.size() + " keys, expected at most " + MAX_GROUPS);
      }
      return json.toString();
    }

    private void inputs(JsonParser in) throws IOException {
      if (in.currentToken() != JsonToken.START_OBJECT) {
        refuse("/inputs", StrictJson.kind(in) + ", expected an object of features");
        in.skipChildren();
        return;
      }
      String model = knownModel != null ? knownModel : modelId;
      served = model == null ? null : active.apply(model);
      if (served == null) {
        inputsBeforeModel = model == null;
        in.skipChildren();
        return;
      }
      row = slots(in, schema(served));
    }

    private float[] slots(JsonParser in, InputSchema schema) throws IOException {
      float[] values = new float[schema.size()];
      boolean[] filled = new boolean[values.length];
      int missing = values.length;
      int guess = 0;
      for (String name = in.nextFieldName(); name != null; name = in.nextFieldName()) {
        JsonToken token = in.nextToken();
        int slot = schema.slot(name, guess);
        if (slot < 0) {
          refuse(
              "/inputs/" + FieldError.token(name), "unknown, expected only the model's features");
          in.skipChildren();
          continue;
        }
        if (filled[slot]) {
          throw Problem.field(400, "/inputs/" + name, "the feature stands twice, expected once");
        }
        filled[slot] = true;
        missing--;
        guess = slot + 1;
        values[slot] = value(in, token, schema, slot);
      }
      for (int i = 0; missing > 0 && i < filled.length; i++) {
        if (!filled[i]) {
          mark(i, true);
          refuse("/inputs/" + schema.name(i), "missing, expected " + schema.expected(i));
        }
      }
      return values;
    }

    private float value(JsonParser in, JsonToken token, InputSchema schema, int slot)
        throws IOException {
      String wrong;
      if (token.isNumeric()) {
        double value = in.getDoubleValue();
        wrong = schema.refuse(slot, value);
        if (wrong == null) {
          return (float) value;
        }
        mark(slot, false);
      } else if (token == JsonToken.VALUE_NULL && schema.nullable(slot)) {
        return Float.NaN;
      } else {
        if (token == JsonToken.VALUE_NULL) {
          mark(slot, true);
        }
        wrong = StrictJson.kind(in) + ", expected " + schema.expected(slot);
        in.skipChildren();
      }
      refuse("/inputs/" + schema.name(slot), wrong);
      return Float.NaN;
    }

    private void refuse(String pointer, String detail) {
      if (errors.size() < MAX_ERRORS) {
        errors.add(new FieldError(pointer, detail));
      }
    }

    private void mark(int slot, boolean missing) {
      if (refused == null) {
        refused = new BitSet();
      }
      refused.set(2 * slot + (missing ? 1 : 0));
    }

    private void tell() {
      BitSet marked = refused;
      ServedModel of = served;
      if (marked != null && of != null) {
        marked.stream().forEach(bit -> refusals.refused(of, bit / 2, bit % 2 == 1));
      }
    }

    ScoreCall finish() {
      String model = modelId;
      if (model == null && (seen & 1) == 0) {
        refuse("/modelId", "missing, expected a model id");
      }
      if ((seen & 2) == 0) {
        refuse("/inputs", "missing, expected an object of features");
      }
      if (model != null && (seen & 2) != 0 && active.apply(model) == null) {
        throw Problem.field(
            404, "/modelId", "unknown model " + FieldError.quote(model) + ", see GET /ml/models");
      }
      if (!errors.isEmpty()) {
        tell();
        throw Problem.fields(errors);
      }
      if (model == null || row == null) {
        throw new IllegalStateException("a pass without errors has a model and a row");
      }
      return new ScoreCall(model, modelVersion, requestId, entityId, groups, row, explain);
    }
  }

  private static String kindOf(JsonToken token) {
    return switch (token) {
      case VALUE_STRING -> "a string";
      case START_ARRAY -> "an array";
      case VALUE_NULL -> "null";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      default -> "a number";
    };
  }
}
