/** The optimizer: clipping and AdamW over flat parameters. */
package io.gatun.trainer.optim;
