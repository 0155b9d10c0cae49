/** What a module's archive may hold, looked at before anything of it is run. */
@NullMarked
package io.apgms.ml.registry.archive;

import org.jspecify.annotations.NullMarked;
