/**
 * The model registry: artifacts on disk and their verification, deployment revisions, forced modes
 * and the audit chain. It decides; it does no HTTP and no scoring.
 */
@NullMarked
package io.apgms.ml.registry;

import org.jspecify.annotations.NullMarked;
