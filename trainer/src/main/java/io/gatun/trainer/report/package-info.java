/** What a training run leaves for people: metrics as CSV and TensorBoard events, progress on stderr, an HTML report. */
package io.gatun.trainer.report;
