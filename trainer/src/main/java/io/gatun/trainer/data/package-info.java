/** Text to token shards to batches. */
package io.gatun.trainer.data;
