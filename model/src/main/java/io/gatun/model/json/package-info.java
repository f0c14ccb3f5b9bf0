/** JSON as plain maps, lists, strings, numbers and booleans. */
package io.gatun.model.json;
