package bench;

import java.time.Duration;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A loop on Kafka's own client without any state: an upper mark. It knows no pending requests, so
 * it answers twice what an FL answers twice, and forgets all that a killed FL was asked.
 */
public final class JavaLoop {

    /** The same as flrouter's: what a kill makes it do again. */
    private static final long COMMIT_INTERVAL_NANOS = 100_000_000;

    public static void main(String[] arguments) {
        Layout layout = Layout.fromEnvironment();
        try (var consumer = new KafkaConsumer<>(
                        Map.of(
                                "bootstrap.servers", layout.broker(),
                                "group.id", layout.name(),
                                "enable.auto.commit", false,
                                "auto.offset.reset", "earliest"),
                        new ByteArrayDeserializer(),
                        new ByteArrayDeserializer());
                var producer = new KafkaProducer<>(
                        Map.of("bootstrap.servers", layout.broker(), "linger.ms", 0),
                        new ByteArraySerializer(),
                        new ByteArraySerializer())) {
            consumer.subscribe(layout.inputs());
            long committedAt = System.nanoTime();
            while (true) {
                for (var record : consumer.poll(Duration.ofMillis(100))) {
                    String topic = next(layout, record);
                    if (topic != null) {
                        producer.send(new ProducerRecord<>(topic, record.key(), record.value()));
                    }
                }
                if (System.nanoTime() - committedAt > COMMIT_INTERVAL_NANOS) {
                    producer.flush(); // nothing is committed that was not delivered
                    consumer.commitSync();
                    committedAt = System.nanoTime();
                }
            }
        }
    }

    /** Where a record goes; null when nowhere. */
    private static String next(Layout layout, ConsumerRecord<byte[], byte[]> record) {
        Message message = Message.parse(record.value());
        if (record.topic().equals(layout.inbound())) {
            return layout.read(message.floodlight(layout.floodlights()));
        }
        return message.isAck() ? null : layout.answers();
    }
}
