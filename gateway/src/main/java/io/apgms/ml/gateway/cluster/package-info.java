/** The cluster that edges and scoring processes form. */
@NullMarked
package io.apgms.ml.gateway.cluster;

import org.jspecify.annotations.NullMarked;
