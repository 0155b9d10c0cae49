/** The load harness, its reference server and the micro-benchmarks. */
@NullMarked
package io.apgms.ml.bench;

import org.jspecify.annotations.NullMarked;
