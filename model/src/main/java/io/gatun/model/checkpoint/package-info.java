/** Hugging Face folders: safetensors files, their index, names and shapes of tensors. */
package io.gatun.model.checkpoint;
