/** Model configurations: the fields of a Hugging Face config.json, validated. */
package io.gatun.model.config;
