/** Expert load: counts, MaxVio, and the auxiliary-loss-free bias update. */
package io.gatun.trainer.balance;
