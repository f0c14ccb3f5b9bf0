/** What changed between benchmark results, and whether it is more than noise. */
package io.gatun.jmh.compare;
