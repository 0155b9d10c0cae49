/** The input transform and the network, trained in strict double precision. */
@NullMarked
package io.apgms.ml.training.fit;

import org.jspecify.annotations.NullMarked;
