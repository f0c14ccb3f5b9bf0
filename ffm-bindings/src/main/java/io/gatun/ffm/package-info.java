/** What the bindings share: finding libraries, linking functions. */
package io.gatun.ffm;
