package io.apgms.ml.training.fit;

import io.apgms.ml.training.Progress;
import io.apgms.ml.training.data.Dataset;
import io.apgms.ml.training.data.ModelSchema;
import java.util.ArrayList;
import java.util.List;

/**
 * A transform and the networks whose probabilities are averaged: the definition of a model in
 * double precision, against which the served module is checked.
 *
 * @param epochs run for each member
 * @param validationLoss of each member on the rows held back for stopping
 */
public record FittedModel(
    InputTransform transform,
    List<Mlp> members,
    List<Integer> epochs,
    List<Double> validationLoss) {
  public FittedModel {
    members = List.copyOf(members);
    epochs = List.copyOf(epochs);
    validationLoss = List.copyOf(validationLoss);
  }

  /** Fits transform and members on some rows of a data set. */
  public static FittedModel fit(
      ModelSchema schema, Dataset data, int[] rows, long seed, Progress progress) {
    InputTransform transform = InputTransform.fit(schema, data.x(), rows);
    int width = transform.width();
    double[] inputs = new double[rows.length * width];
    int[] labels = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      transform.apply(data.x(), rows[i] * data.width(), inputs, i * width);
      labels[i] = data.y()[rows[i]];
    }
    Fitter.Rows fitted = new Fitter.Rows(inputs, labels, Reweighing.weights(schema, data, rows));
    Fitter fitter = new Fitter(schema.training(), fitted);
    List<Mlp> members = new ArrayList<>();
    List<Integer> epochs = new ArrayList<>();
    List<Double> losses = new ArrayList<>();
    int count = schema.training().members();
    for (int m = 0; m < count; m++) {
      Fitter.Fitted member = fitter.fit(Rng.of(seed, m));
      members.add(member.net());
      epochs.add(member.epochs());
      losses.add(member.validationLoss());
      progress.report("fit", m + 1, count);
    }
    return new FittedModel(transform, members, epochs, losses);
  }

  /** Probability of some rows of {@code x}, row-major [n, features]. */
  public double[] score(float[] x, int[] rows) {
    double[] scores = new double[rows.length];
    double[] inputs = new double[transform.width()];
    List<Mlp.Pass> passes = members.stream().map(m -> m.new Pass()).toList();
    for (int i = 0; i < rows.length; i++) {
      transform.apply(x, rows[i] * transform.rawWidth(), inputs, 0);
      double sum = 0;
      for (Mlp.Pass pass : passes) {
        sum += Fitter.sigmoid(pass.forward(inputs, 0));
      }
      scores[i] = sum / members.size();
    }
    return scores;
  }
}
