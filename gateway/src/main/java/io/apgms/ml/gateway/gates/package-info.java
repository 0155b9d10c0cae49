/** Runs what the gates judge: a second training from a clean clone, and the packaged service. */
@NullMarked
package io.apgms.ml.gateway.gates;

import org.jspecify.annotations.NullMarked;
