package io.apgms.ml.feedback;

/** The prediction that a label is checked against. */
record Judged(String modelId, String modelVersion, boolean review) {

  /** Throws VersionConflict or Contradiction where the label cannot be on it. */
  void require(NewLabel label) {
    if (!modelId.equals(label.modelId()) || !modelVersion.equals(label.modelVersion())) {
      throw new FeedbackException.VersionConflict(
          label.modelId()
              + " "
              + label.modelVersion()
              + " did not make the prediction, expected "
              + modelId
              + " "
              + modelVersion);
    }
    if (label.label().positive() != review) {
      throw new FeedbackException.Contradiction(
          label.label()
              + " for a case recommended "
              + (review ? "review, expected …_POSITIVE" : "allow, expected …_NEGATIVE"));
    }
  }
}
