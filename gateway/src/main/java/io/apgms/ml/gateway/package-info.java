/** The composition root: the only place that sees every module. */
@NullMarked
package io.apgms.ml.gateway;

import org.jspecify.annotations.NullMarked;
