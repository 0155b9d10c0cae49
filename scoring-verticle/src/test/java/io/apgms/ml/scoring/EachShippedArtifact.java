package io.apgms.ml.scoring;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A test of model and version, run for every artifact in the registry. */
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@ParameterizedTest
@CsvSource({
  "risk-score, 20261116",
  "risk-score, 20261123",
  "credit-default, 20261116",
  "credit-default, 20261123"
})
@interface EachShippedArtifact {}
