/** Models of the DeepSeek-V3 architecture: this package is the face, its sub-packages are the parts. */
package io.gatun.model;
