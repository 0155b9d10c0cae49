/** Settings: one file, the environment over it, refused when unsafe. */
@NullMarked
package io.apgms.ml.gateway.settings;

import org.jspecify.annotations.NullMarked;
