/** Scoring in other processes: the wire, the choice of a process, and both of its ends. */
@org.jspecify.annotations.NullMarked
package io.apgms.ml.scoring.pool;
