package bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/** What is read of a message: just what is routed by, with Jackson's streaming parser. */
record Message(String correlationId, String kind, String switchId) {

    private static final JsonFactory JSON = new JsonFactory();

    static Message parse(byte[] data) {
        String correlationId = null;
        String kind = "";
        String switchId = "";
        try (JsonParser parser = JSON.createParser(data)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String field = parser.currentName();
                JsonToken value = parser.nextToken();
                if (field.equals("correlation_id")) {
                    correlationId = parser.getText();
                } else if (field.equals("payload") && value == JsonToken.START_OBJECT) {
                    while (parser.nextToken() == JsonToken.FIELD_NAME) {
                        String inner = parser.currentName();
                        parser.nextToken();
                        if (inner.equals("clazz")) {
                            kind = parser.getText();
                        } else if (inner.equals("switch_id")) {
                            switchId = parser.getText();
                        } else {
                            parser.skipChildren();
                        }
                    }
                } else {
                    parser.skipChildren();
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return new Message(correlationId, kind, switchId);
    }

    boolean isAck() {
        return kind.endsWith(".FlReceiveAck");
    }

    /** The index of the FL that a command is for: the last byte of its switch id says it. */
    int floodlight(int count) {
        return Integer.parseInt(switchId, switchId.length() - 2, switchId.length(), 16) % count;
    }
}
