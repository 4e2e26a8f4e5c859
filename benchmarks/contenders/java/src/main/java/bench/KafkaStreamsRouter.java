package bench;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: one processor over all inputs and one store, in memory as flrouter's tables are,
 * with its changelog. All else is as Kafka Streams sets it, but for what the arguments say: how
 * often (ms) it commits, and its guarantee.
 */
public final class KafkaStreamsRouter {

    private static final String STORE = "pending";

    /** A record and where it is to go. */
    private record Output(String topic, byte[] value) {}

    private static final class Router implements Processor<byte[], byte[], byte[], Output> {
        private final Layout layout;
        private ProcessorContext<byte[], Output> context;
        /** correlation id to {FL, whether it has acknowledged}. */
        private KeyValueStore<String, byte[]> pending;

        Router(Layout layout) {
            this.layout = layout;
        }

        @Override
        public void init(ProcessorContext<byte[], Output> context) {
            this.context = context;
            this.pending = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            Message message = Message.parse(record.value());
            String id = message.correlationId();
            if (context.recordMetadata().orElseThrow().topic().equals(layout.inbound())) {
                int floodlight = message.floodlight(layout.floodlights());
                pending.put(id, new byte[] {(byte) floodlight, 0});
                send(record, layout.read(floodlight));
                return;
            }
            byte[] waiting = pending.get(id);
            if (waiting == null) {
                return;
            }
            if (message.isAck()) {
                pending.put(id, new byte[] {waiting[0], 1});
            } else {
                pending.delete(id);
                send(record, layout.answers());
            }
        }

        private void send(Record<byte[], byte[]> record, String topic) {
            context.forward(record.withValue(new Output(topic, record.value())));
        }
    }

    public static void main(String[] arguments) {
        Layout layout = Layout.fromEnvironment();
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, layout.name());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, layout.broker());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, "streams-state");
        if (arguments.length == 2) {
            settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, arguments[0]);
            settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[1]);
        }
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");

        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                        Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Serdes.ByteArray())
                .withLoggingEnabled(Map.of()));
        builder.stream(layout.inputs(), Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
                .process(() -> new Router(layout), STORE)
                .to((key, output, context) -> output.topic(), Produced.with(
                        Serdes.ByteArray(),
                        Serdes.serdeFrom((topic, output) -> output.value(), (topic, data) -> null)));

        KafkaStreams streams = new KafkaStreams(builder.build(), settings);
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }
}
