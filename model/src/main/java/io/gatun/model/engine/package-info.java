/** Engines that multiply on a GPU. */
package io.gatun.model.engine;
