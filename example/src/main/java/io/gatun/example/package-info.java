/** A service that uses Gatun as a library. */
package io.gatun.example;
