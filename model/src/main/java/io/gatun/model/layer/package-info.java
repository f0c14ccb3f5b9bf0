/** The layers of DeepSeek-V3: each an equation of the paper with its weights. */
package io.gatun.model.layer;
