/** Snapshot, train, evaluate, bias report, package: in Java, bit-reproducible. */
@NullMarked
package io.apgms.ml.training;

import org.jspecify.annotations.NullMarked;
