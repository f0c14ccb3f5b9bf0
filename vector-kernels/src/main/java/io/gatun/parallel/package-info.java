/** The fixed set of threads that runs kernels. */
package io.gatun.parallel;
