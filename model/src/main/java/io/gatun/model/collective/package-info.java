/** What several processes share. */
package io.gatun.model.collective;
