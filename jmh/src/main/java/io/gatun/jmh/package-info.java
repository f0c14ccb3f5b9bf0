/** JMH benchmarks, {@code java -jar jmh/target/benchmarks.jar}: each kernel beside its plain twin and its roof, then whole models. */
package io.gatun.jmh;
