/** The recipe as data: learning rate, batch size, loss factors as functions of the run's progress. */
package io.gatun.trainer.schedule;
