/** A candidate over the decisions that were logged. */
@NullMarked
package io.apgms.ml.gateway.replay;

import org.jspecify.annotations.NullMarked;
