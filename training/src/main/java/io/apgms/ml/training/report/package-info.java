/** Metrics, evaluation, bias report and model card. */
@NullMarked
package io.apgms.ml.training.report;

import org.jspecify.annotations.NullMarked;
