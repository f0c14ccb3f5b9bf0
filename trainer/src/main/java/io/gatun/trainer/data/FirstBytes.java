package io.gatun.trainer.data;

import static java.nio.charset.StandardCharsets.UTF_8;

/** The beginning of a text. */
record FirstBytes(TextSource whole, long bytes) implements TextSource {
    FirstBytes {
        if (bytes <= 0) throw new DataException("a limit of " + bytes + " bytes leaves no text; it must be positive");
    }

    @Override
    public String name() {
        return "the first " + bytes + " bytes of " + whole.name();
    }

    @Override
    public String fingerprint() {
        return whole.fingerprint() + ", first " + bytes;
    }

    @Override
    public Joining joining() {
        return whole.joining();
    }

    @Override
    public void read(Reader reader) {
        whole.read(new Reader() {
            private long left = bytes;

            @Override
            public boolean passage(long document, String text) {
                byte[] utf8 = text.getBytes(UTF_8);
                if (utf8.length < left) {
                    left -= utf8.length;
                    return reader.passage(document, text);
                }
                int cut = (int) left;
                while (cut > 0 && cut < utf8.length && (utf8[cut] & 0xC0) == 0x80) cut--; // inside a character
                if (cut > 0) reader.passage(document, new String(utf8, 0, cut, UTF_8));
                return false;
            }
        });
    }
}
