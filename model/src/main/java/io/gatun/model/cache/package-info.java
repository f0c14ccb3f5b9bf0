/** What sequences keep of their tokens: pages of latents, shared between forks. */
package io.gatun.model.cache;
