/** Routes, strict JSON and the error table. */
@NullMarked
package io.apgms.ml.gateway.http;

import org.jspecify.annotations.NullMarked;
