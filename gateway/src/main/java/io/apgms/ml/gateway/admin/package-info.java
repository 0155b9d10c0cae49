/** Operators' routes, the control loop behind them, health and metrics. */
@NullMarked
package io.apgms.ml.gateway.admin;

import org.jspecify.annotations.NullMarked;
