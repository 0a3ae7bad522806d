package skytrend.flink;

import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.util.OutputTag;

/**
 * An operator around native stages: takes packets, and closes minutes when the watermark says that they are over. What the
 * stages give leaves as packets: occurrences on the main output, what ranks need and records on outputs of their own.
 *
 * <p>Nothing waits in here when a checkpoint's barrier comes: all packets leave before the watermark does.
 */
abstract class StageOperator extends AbstractStreamOperator<Packet>
    implements OneInputStreamOperator<Packet, Packet> {
  static final OutputTag<Packet> FOR_RANKS = new OutputTag<>("for-ranks", PacketType.INSTANCE);
  static final OutputTag<Packet> FOR_KAFKA = new OutputTag<>("for-kafka", PacketType.INSTANCE);

  /** Packets leave in runs of about that size: an array of Java holds no more than 2 GiB. */
  private static final long TAKE_BYTES = 8 << 20;

  protected final byte[] options;
  protected transient long packets;
  protected transient long closedMinute;

  StageOperator(byte[] options) {
    this.options = options;
  }

  @Override
  public void open() throws Exception {
    super.open();
    packets = Stages.packetsNew();
    closedMinute = Long.MIN_VALUE;
  }

  @Override
  public void close() throws Exception {
    Stages.packetsFree(packets);
    packets = 0;
    super.close();
  }

  /** All minutes up to {@code minute} are over; {@link #send} from time to time. */
  protected abstract void closeMinutes(long minute) throws Exception;

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    if (mark.getTimestamp() != Long.MAX_VALUE) { // the end of all input closes no minute
      long minute = Packet.closedMinute(mark.getTimestamp());
      if (minute > closedMinute) {
        closeMinutes(minute);
        send(true);
        closedMinute = minute;
      }
    }
    super.processWatermark(mark);
  }

  /** Pass on what the stages have given, when it is much or {@code all} is wanted. */
  protected void send(boolean all) throws StageException {
    if (!all && Stages.packetsSize(packets) < TAKE_BYTES) {
      return;
    }
    for (Packet packet : Packet.split(Stages.packetsTake(packets))) {
      StreamRecord<Packet> record = new StreamRecord<>(packet, packet.timeMs);
      switch (packet.kind) {
        case Packet.OCCURRENCES -> output.collect(record);
        case Packet.RECORDS -> output.collect(FOR_KAFKA, record);
        default -> output.collect(FOR_RANKS, record);
      }
    }
  }
}
