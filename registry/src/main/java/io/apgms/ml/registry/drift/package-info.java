/** How far what arrives is from what a model was trained on. Pure: counts in, figures out. */
@NullMarked
package io.apgms.ml.registry.drift;

import org.jspecify.annotations.NullMarked;
