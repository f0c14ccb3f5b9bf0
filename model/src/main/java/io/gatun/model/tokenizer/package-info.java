/** Byte-level BPE as Hugging Face's tokenizer.json describes it. */
package io.gatun.model.tokenizer;
