/** The mirror of approval tickets in Jira Cloud, where one is configured. */
@NullMarked
package io.apgms.ml.gateway.jira;

import org.jspecify.annotations.NullMarked;
