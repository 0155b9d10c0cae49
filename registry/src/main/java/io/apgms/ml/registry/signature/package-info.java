/**
 * Who signed an artifact and what the signature covers: OpenSSF model signing v1.0 bundles, the
 * keys that are pinned for each model, and what is revoked.
 */
@NullMarked
package io.apgms.ml.registry.signature;

import org.jspecify.annotations.NullMarked;
