package skytrend.flink;

import java.io.IOException;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.metrics.Counter;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * A record of the topic of posts becomes an event with its language and keywords, in one native call. It happens in the
 * source, so that each partition has a watermark of its own, from what its records say and no clock.
 *
 * <p>In a partition event time does not go back. A record that is older than its partition, by a whole minute, is of
 * another producer than ours: it is counted and dropped, as the engine in one piece does. One that is far ahead of the
 * timestamp that Kafka has for it becomes a dead letter, or its watermark would end all counting.
 */
final class PostDeserializer implements KafkaRecordDeserializationSchema<Packet> {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final int HEAD_BYTES = 12;

  private final byte[] options;
  private transient long decode;
  private transient Map<Integer, Long> reachedMinutes;
  private transient Counter records;
  private transient Counter late;
  private transient Counter dead;

  PostDeserializer(byte[] options) {
    this.options = options;
  }

  @Override
  public void open(DeserializationSchema.InitializationContext context) throws Exception {
    long made = Stages.decodeNew(options);
    decode = made;
    CLEANER.register(this, () -> Stages.decodeFree(made)); // Flink tells a deserializer no end
    reachedMinutes = new HashMap<>();
    records = context.getMetricGroup().counter("posts_processed_total");
    late = context.getMetricGroup().counter("posts_late_total");
    dead = context.getMetricGroup().counter("dead_letters_total");
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Packet> out) throws IOException {
    records.inc();
    byte[] decoded;
    try {
      decoded = Stages.decode(decode, record.value(), record.timestamp());
    } catch (StageException e) {
      if (e.status().equals("memory")) {
        throw e;
      }
      dead.inc();
      out.collect(DeadLetter.of(record, e));
      return;
    }
    ByteBuffer head = ByteBuffer.wrap(decoded).order(ByteOrder.LITTLE_ENDIAN);
    long timeMs = head.getLong();
    Packet packet =
        new Packet(Packet.EVENTS, head.getInt(), timeMs, Arrays.copyOfRange(decoded, HEAD_BYTES, decoded.length));
    long reached = reachedMinutes.merge(record.partition(), packet.minute(), Math::max);
    if (packet.minute() < reached) {
      late.inc();
      return;
    }
    out.collect(packet);
  }

  @Override
  public TypeInformation<Packet> getProducedType() {
    return PacketType.INSTANCE;
  }
}
