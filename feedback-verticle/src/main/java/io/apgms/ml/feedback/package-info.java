/** Everything persisted about decisions and labels. */
@NullMarked
package io.apgms.ml.feedback;

import org.jspecify.annotations.NullMarked;
