/** Notes of changes beside PagerDuty's incidents, where it is configured. */
@NullMarked
package io.apgms.ml.gateway.pagerduty;

import org.jspecify.annotations.NullMarked;
