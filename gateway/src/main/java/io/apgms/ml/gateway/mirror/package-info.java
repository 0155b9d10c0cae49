/** Telling other systems what the audit log says, one step after another. */
@NullMarked
package io.apgms.ml.gateway.mirror;

import org.jspecify.annotations.NullMarked;
