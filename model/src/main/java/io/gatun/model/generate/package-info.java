/** Sampling and the generation loop. */
package io.gatun.model.generate;
