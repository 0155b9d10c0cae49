/** The commands of bin/ml-service. */
@NullMarked
package io.apgms.ml.gateway.cli;

import org.jspecify.annotations.NullMarked;
