package io.apgms.ml.gateway.http;

import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.JWTOptions;
import io.vertx.ext.auth.PubSecKeyOptions;
import io.vertx.ext.auth.authentication.TokenCredentials;
import io.vertx.ext.auth.jwt.JWTAuth;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The local issuer of development tokens: HMAC-SHA-256 with a key of the data folder. */
public final class DevIssuer {
  private static final String ISSUER = "ml-service-dev";
  private static final String AUDIENCE = "ml-service";
  private static final int HOURS = 12;

  private final JWTAuth auth;

  private DevIssuer(JWTAuth auth) {
    this.auth = auth;
  }

  /** Opens the key of the data folder, making it on first use. Blocking. */
  public static DevIssuer open(Vertx vertx, Path dataDir) throws IOException {
    return new DevIssuer(
        JWTAuth.create(
            vertx,
            new JWTAuthOptions()
                .addPubSecKey(new PubSecKeyOptions().setAlgorithm("HS256").setBuffer(key(dataDir)))
                .setJWTOptions(new JWTOptions().setIssuer(ISSUER).setAudience(List.of(AUDIENCE)))));
  }

  private static String key(Path dataDir) throws IOException {
    Path file = dataDir.resolve("keys").resolve("dev-issuer.key");
    Files.createDirectories(dataDir.resolve("keys"));
    byte[] fresh = new byte[32];
    new SecureRandom().nextBytes(fresh);
    Path part =
        Files.createTempFile(
            dataDir.resolve("keys"),
            "dev-issuer",
            ".part",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(part, Base64.getEncoder().encodeToString(fresh));
      Files.createLink(file, part); // the first one wins, whole
    } catch (FileAlreadyExistsException e) {
      // made before
    } finally {
      Files.delete(part);
    }
    return Files.readString(file).strip();
  }

  /** A token for twelve hours. */
  public String mint(String subject, @Nullable String tenant, List<String> roles) {
    JsonObject claims = new JsonObject().put("sub", subject).put("roles", new JsonArray(roles));
    if (tenant != null) {
      claims.put("tenant", tenant);
    }
    return auth.generateToken(
        claims,
        new JWTOptions()
            .setAlgorithm("HS256")
            .setIssuer(ISSUER)
            .addAudience(AUDIENCE)
            .setExpiresInMinutes(HOURS * 60));
  }

  /** Who an {@code Authorization} header names; fails with a 401 {@link Problem}. */
  public Future<Caller> authenticate(@Nullable String authorization) {
    if (authorization == null || !authorization.regionMatches(true, 0, "Bearer ", 0, 7)) {
      return Future.failedFuture(
          Problem.of(401, "no bearer token, expected Authorization: Bearer …"));
    }
    return auth.authenticate(new TokenCredentials(authorization.substring(7).strip()))
        .map(user -> caller(user.principal()))
        .recover(
            e ->
                Future.failedFuture(
                    Problem.of(401, "the bearer token is not valid, expected one of this issuer")));
  }

  private static Caller caller(JsonObject claims) {
    String subject = claims.getString("sub");
    if (subject == null || subject.isBlank() || subject.length() > 128) {
      throw Problem.of(401, "the bearer token has no usable sub claim");
    }
    Set<String> roles = new HashSet<>();
    for (Object role : claims.getJsonArray("roles", new JsonArray())) {
      if (Roles.ALL.contains(role)) {
        roles.add((String) role);
      }
    }
    return new Caller(subject, claims.getString("tenant"), roles);
  }
}
