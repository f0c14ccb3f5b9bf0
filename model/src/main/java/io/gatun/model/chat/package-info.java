/** Conversations as text and tokens. */
package io.gatun.model.chat;
