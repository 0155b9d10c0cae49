/**
 * The gates before a promotion. They decide from figures and files that others bring; they run
 * nothing.
 */
@NullMarked
package io.apgms.ml.registry.gate;

import org.jspecify.annotations.NullMarked;
