/** Training of DeepSeek-V3 models. */
package io.gatun.trainer;
