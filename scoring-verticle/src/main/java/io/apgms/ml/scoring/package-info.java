/** The model runtime behind the event bus: load, warm, micro-batch, swap. */
@NullMarked
package io.apgms.ml.scoring;

import org.jspecify.annotations.NullMarked;
