/** The {@code maskrt} command. */
@NullMarked
package org.maskrt.cli;

import org.jspecify.annotations.NullMarked;
