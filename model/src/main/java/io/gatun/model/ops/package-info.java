/** What a layer may ask of the hardware. */
package io.gatun.model.ops;
