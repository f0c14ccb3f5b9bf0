/** The command line. */
package io.gatun.trainer.command;
