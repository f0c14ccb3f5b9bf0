/** Views of off-heap memory: element types, shapes, tensors. */
package io.gatun.tensor;
