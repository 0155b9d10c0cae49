/** What leads in an incident, since when, what came before it, and what is written of it after. */
@NullMarked
package io.apgms.ml.gateway.incident;

import org.jspecify.annotations.NullMarked;
