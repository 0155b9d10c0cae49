/** A trained model written as a TorchScript archive. */
@NullMarked
package io.apgms.ml.training.torchscript;

import org.jspecify.annotations.NullMarked;
