/**
 * The audit chain at work: seals, exported heads, checks; and what is checked without a service.
 */
@NullMarked
package io.apgms.ml.gateway.audit;

import org.jspecify.annotations.NullMarked;
