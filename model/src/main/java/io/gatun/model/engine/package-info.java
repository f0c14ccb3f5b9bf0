/** Engines beside the Vector API's: who multiplies. */
package io.gatun.model.engine;
