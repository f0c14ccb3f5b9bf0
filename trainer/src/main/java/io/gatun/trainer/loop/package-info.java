/** The training step, evaluation, and the run's folder. */
package io.gatun.trainer.loop;
