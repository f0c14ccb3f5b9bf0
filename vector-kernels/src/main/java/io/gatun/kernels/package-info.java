/** Kernels: static functions over memory, each beside a scalar twin in the tests; and the matrix engine built of them. */
package io.gatun.kernels;
