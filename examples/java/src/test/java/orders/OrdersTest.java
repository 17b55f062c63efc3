package orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class OrdersTest {
    @RegisterExtension
    final Kafkarium cluster = new Kafkarium("orders:3:3");

    @Test
    void anAcknowledgedRecordOutlivesItsLeader() throws Exception {
        var servers = Map.<String, Object>of("bootstrap.servers", cluster.bootstrap(), "acks", "all");
        try (var producer = new KafkaProducer<>(servers, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>("orders", 0, "amy", "coffee")).get();
        }

        cluster.exec("kill leader of orders p0");
        cluster.await("leader orders p0 any and isr orders p0 2");

        var reading = Map.<String, Object>of("bootstrap.servers", cluster.bootstrap(),
                "group.id", "test", "auto.offset.reset", "earliest");
        try (var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("orders"));
            var records = consumer.poll(Duration.ofSeconds(1));
            for (int look = 0; records.isEmpty() && look < 30; look++) {
                records = consumer.poll(Duration.ofSeconds(1));
            }
            assertFalse(records.isEmpty());
            var record = records.iterator().next();
            assertEquals("amy=coffee", record.key() + "=" + record.value());
        }
    }
}
