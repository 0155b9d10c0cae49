/** W3C trace context: carried always, recorded as OpenTelemetry spans where an exporter is set. */
@NullMarked
package io.apgms.ml.gateway.trace;

import org.jspecify.annotations.NullMarked;
