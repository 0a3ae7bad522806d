package skytrend.flink;

import java.io.ByteArrayOutputStream;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Puts the events of a bucket and minute that come in close together into one packet, so that the network carries fewer
 * and larger records. None waits over a watermark or a checkpoint's barrier.
 */
final class EventBatcher extends AbstractStreamOperator<Packet> implements OneInputStreamOperator<Packet, Packet> {
  /** Of what waits; at the live network's rate the watermarks of the source come first. */
  private static final int EVENTS_MAX = 4096;

  private record Target(int bucket, long minute) {}

  private transient Map<Target, Batch> batches;
  private transient int waiting;

  private static final class Batch {
    final long timeMs;
    final ByteArrayOutputStream entries = new ByteArrayOutputStream(1024);

    Batch(long timeMs) {
      this.timeMs = timeMs;
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    batches = new LinkedHashMap<>();
  }

  @Override
  public void processElement(StreamRecord<Packet> element) {
    Packet packet = element.getValue();
    if (packet.kind == Packet.DEAD_LETTER) {
      output.collect(StageOperator.FOR_KAFKA, element);
      return;
    }
    batches
        .computeIfAbsent(new Target(packet.bucket, packet.minute()), target -> new Batch(packet.timeMs))
        .entries
        .writeBytes(packet.entries);
    if (++waiting >= EVENTS_MAX) {
      flush();
    }
  }

  private void flush() {
    for (Map.Entry<Target, Batch> entry : batches.entrySet()) {
      Batch batch = entry.getValue();
      output.collect(
          new StreamRecord<>(
              new Packet(Packet.EVENTS, entry.getKey().bucket(), batch.timeMs, batch.entries.toByteArray()),
              batch.timeMs));
    }
    batches.clear();
    waiting = 0;
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    flush();
    super.processWatermark(mark);
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpoint) {
    flush();
  }

  @Override
  public void finish() throws Exception {
    flush();
    super.finish();
  }
}
