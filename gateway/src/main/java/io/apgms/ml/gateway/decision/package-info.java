/** The flow of one decision: score, mode, log, answer. */
@NullMarked
package io.apgms.ml.gateway.decision;

import org.jspecify.annotations.NullMarked;
