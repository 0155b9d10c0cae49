/** PostgreSQL: the embedded one or the configured one, its pool and migrations. */
@NullMarked
package io.apgms.ml.gateway.database;

import org.jspecify.annotations.NullMarked;
