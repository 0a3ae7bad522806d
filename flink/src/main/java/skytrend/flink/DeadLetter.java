package skytrend.flink;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A record of the topic of posts that could not be read, on its way to the topic of dead letters: as it was, key and value,
 * with headers that say whose it is and why (src/io/kafka/kafka_dead_letters.h).
 */
final class DeadLetter {
  private static final String SERVICE = "flink";

  private DeadLetter() {}

  static Packet of(ConsumerRecord<byte[], byte[]> record, StageException why) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeUTF(why.getMessage());
    out.writeUTF(record.topic());
    out.writeInt(record.partition());
    out.writeLong(record.offset());
    writeBytes(out, record.key());
    writeBytes(out, record.value());
    return new Packet(Packet.DEAD_LETTER, 0, Long.MIN_VALUE, bytes.toByteArray());
  }

  private static void writeBytes(DataOutputStream out, byte[] bytes) throws IOException {
    out.writeInt(bytes == null ? -1 : bytes.length);
    if (bytes != null) {
      out.write(bytes);
    }
  }

  static ProducerRecord<byte[], byte[]> record(Packet packet, String deadLetters) throws IOException {
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(packet.entries));
    String reason = in.readUTF();
    String topic = in.readUTF();
    int partition = in.readInt();
    long offset = in.readLong();
    byte[] key = readBytes(in);
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(deadLetters, key, readBytes(in));
    header(record, "service", SERVICE);
    header(record, "reason", reason);
    header(record, "topic", topic);
    header(record, "partition", Integer.toString(partition));
    header(record, "offset", Long.toString(offset));
    return record;
  }

  private static byte[] readBytes(DataInputStream in) throws IOException {
    int length = in.readInt();
    return length < 0 ? null : in.readNBytes(length);
  }

  private static void header(ProducerRecord<byte[], byte[]> record, String name, String value) {
    record.headers().add(name, value.getBytes(StandardCharsets.UTF_8));
  }
}
