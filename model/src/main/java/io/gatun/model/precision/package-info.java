/** Precision as data: which number format each product's operands have. */
package io.gatun.model.precision;
