package skytrend.flink;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What leaves for Kafka: a stage's records (src/stage/record.h), each into the topic of its kind, and dead letters. Records
 * without a key stand in partition 0, for their topic has one order.
 */
final class KafkaRecords implements KafkaRecordSerializationSchema<Packet> {
  private static final String CORRELATION_ID = "correlation-id";

  private final String[] topics;
  private final String deadLetters;

  /** Topics by enum sky_published_kind: trends, trend alerts, keyword counts, activity, sessions. */
  KafkaRecords(String[] topics, String deadLetters) {
    this.topics = topics;
    this.deadLetters = deadLetters;
  }

  /** A packet's records, one by one. */
  static final class Split extends ProcessFunction<Packet, Packet> {
    @Override
    public void processElement(Packet packet, Context context, Collector<Packet> out) {
      if (packet.kind != Packet.RECORDS) {
        out.collect(packet);
        return;
      }
      ByteBuffer in = ByteBuffer.wrap(packet.entries).order(ByteOrder.LITTLE_ENDIAN);
      while (in.hasRemaining()) {
        int begin = in.position();
        in.position(begin + Byte.BYTES + 2 * Long.BYTES + Byte.BYTES);
        skipBlob(in);
        skipBlob(in);
        byte[] record = new byte[in.position() - begin];
        in.get(begin, record);
        out.collect(new Packet(Packet.RECORDS, 0, packet.timeMs, record));
      }
    }

    private static void skipBlob(ByteBuffer in) {
      int length = in.getInt();
      in.position(in.position() + length);
    }
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(Packet packet, KafkaSinkContext context, Long timestamp) {
    if (packet.kind == Packet.DEAD_LETTER) {
      try {
        return DeadLetter.record(packet, deadLetters);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    ByteBuffer in = ByteBuffer.wrap(packet.entries).order(ByteOrder.LITTLE_ENDIAN);
    String topic = topics[in.get()];
    long timestampMs = in.getLong();
    long correlationId = in.getLong();
    boolean hasKey = in.get() != 0;
    byte[] key = blob(in);
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(topic, hasKey ? null : 0, timestampMs, hasKey ? key : null, blob(in));
    if (correlationId != 0) {
      record.headers().add(CORRELATION_ID, String.format("%016x", correlationId).getBytes(StandardCharsets.US_ASCII));
    }
    return record;
  }

  private static byte[] blob(ByteBuffer in) {
    byte[] bytes = new byte[in.getInt()];
    in.get(bytes);
    return bytes;
  }
}
