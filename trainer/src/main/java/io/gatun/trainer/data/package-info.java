/** Text to learn from: where it comes from, what is held out, token shards, batches. */
package io.gatun.trainer.data;
