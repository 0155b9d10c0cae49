/** What a model is trained on: its schema, CSV snapshots and the generator. */
@NullMarked
package io.apgms.ml.training.data;

import org.jspecify.annotations.NullMarked;
