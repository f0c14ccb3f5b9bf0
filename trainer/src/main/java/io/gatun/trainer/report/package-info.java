/** What a person sees of a run. */
package io.gatun.trainer.report;
