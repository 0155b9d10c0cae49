/** One folder with what is known of a version, and its check without a service. */
@NullMarked
package io.apgms.ml.gateway.evidence;

import org.jspecify.annotations.NullMarked;
