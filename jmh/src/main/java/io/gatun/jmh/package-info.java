/** JMH benchmarks: `java -jar jmh/target/benchmarks.jar`. */
package io.gatun.jmh;
