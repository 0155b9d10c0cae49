/** Decision mode. */
@NullMarked
package io.apgms.ml.flags;

import org.jspecify.annotations.NullMarked;
