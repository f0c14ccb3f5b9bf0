package io.gatun.model.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gatun.model.ModelException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
    @Test
    void readsEveryKindOfValue() {
        Object tree = Json.parse(" {\"b\": [1, -2.5, 1e3, true, false, null], \"a\": {\"\\u00e9\": \"\\n\"}} ", "test");
        Map<String, Object> expected = new LinkedHashMap<>();
        expected.put("b", Arrays.asList(1L, -2.5, 1000.0, true, false, null));
        expected.put("a", Map.of("é", "\n"));
        assertThat(tree).isEqualTo(expected);
        assertThat(new ArrayList<>(((Map<?, ?>) tree).keySet())).hasToString("[b, a]");
    }

    @Test
    void readsWhatItWrites() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("text", "quote \" and \u2028 and 😀");
        tree.put("numbers", Arrays.asList(0L, Long.MIN_VALUE, 0.1, 1e-300, null, true));
        tree.put("empty", Map.of());
        assertThat(Json.parse(Json.write(tree), "test")).isEqualTo(tree);
        assertThat(Json.parse(Json.writeCompact(tree), "test")).isEqualTo(tree);
    }

    @Test
    void writesOneFieldALine() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("a", 1);
        tree.put("b", List.of(128, 128));
        assertThat(Json.write(tree)).isEqualTo("{\n  \"a\": 1,\n  \"b\": [128, 128]\n}");
        assertThat(Json.writeCompact(tree)).isEqualTo("{\"a\":1,\"b\":[128,128]}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"{", "{\"a\": }", "[1,]", "{\"a\": 1, \"a\": 2}", "{\"a\": 1} x", "99999999999999999999", "nul"})
    void namesTheSourceOfBadJson(String text) {
        assertThatThrownBy(() -> Json.parse(text, "some.json"))
                .isInstanceOf(ModelException.class)
                .hasMessageStartingWith("some.json")
                .message()
                .hasLineCount(1);
    }

    @Test
    void namesTheLine() {
        assertThatThrownBy(() -> Json.parse("{\n  \"a\": 1\n  \"b\": 2\n}", "some.json"))
                .hasMessageStartingWith("some.json line 3, column ");
    }

    @Test
    void refusesNothingAtAll() {
        assertThatThrownBy(() -> Json.parse(" ", "some.json")).hasMessage("some.json is empty; JSON was expected");
        assertThatThrownBy(() -> Json.read(Path.of("no.json"))).hasMessage("there is no file no.json");
        assertThatThrownBy(() -> Json.write(List.of(Path.of("x")))).isInstanceOf(ModelException.class);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            [1]   | test: a JSON object was expected, and there is an array
            3     | test: a JSON object was expected, and there is 3
            "a"   | test: a JSON object was expected, and there is "a"
            null  | test: a JSON object was expected, and there is null
            """)
    void anObjectIsAnObject(String text, String message) {
        assertThatThrownBy(() -> JsonObject.parse(text, "test"))
                .isInstanceOf(ModelException.class)
                .hasMessage(message);
    }

    @Test
    void readsFieldsByType() {
        JsonObject json = JsonObject.parse(
                "{\"i\": 3, \"d\": 0.5, \"t\": \"x\", \"f\": true, \"n\": null, \"l\": [1], \"o\": {\"i\": \"no\"}}",
                "test");
        assertThat(json.integer("i")).isEqualTo(3);
        assertThat(json.number("i")).isEqualTo(3.0);
        assertThat(json.number("d")).isEqualTo(0.5);
        assertThat(json.text("t")).isEqualTo("x");
        assertThat(json.flag("f", false)).isTrue();
        assertThat(json.has("n")).isFalse();
        assertThat(json.mentions("n")).isTrue();
        assertThat(json.integer("n", 7)).isEqualTo(7);
        assertThat(json.list("l").size()).isEqualTo(1);
        assertThat(json.object("none")).isEmpty();
        assertThatThrownBy(() -> json.integer("n")).hasMessage("test: n is missing");
        assertThatThrownBy(() -> json.text("i")).hasMessage("test: i is 3; it should be a text");
        assertThatThrownBy(() -> json.list("t")).hasMessage("test: t is \"x\"; it should be an array");
        assertThatThrownBy(() -> json.object("o").orElseThrow().integer("i"))
                .hasMessage("test: o.i is \"no\"; it should be a whole number");
    }
}
