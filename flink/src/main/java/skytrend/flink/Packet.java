package skytrend.flink;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What one stage hands another: entries of one kind, for one bucket, of one time (src/stage/packets.h). The kinds of the
 * stages are those of enum sky_packet_kind, in its order; what Java adds comes behind them.
 */
public final class Packet {
  public static final byte EVENTS = 0;
  public static final byte OCCURRENCES = 1;
  public static final byte POSTS = 2;
  public static final byte TOTALS = 3;
  public static final byte ROWS = 4;
  public static final byte ACTIVITY = 5;
  public static final byte RECORDS = 6;

  /** A record that could not be read, as {@link DeadLetter} wrote it. */
  public static final byte DEAD_LETTER = 100;

  /** As SKY_STAGE_BUCKETS; also the job's greatest parallelism, one key group a bucket. */
  public static final int BUCKETS = 128;

  private static final long MINUTE_MS = 60_000;

  public byte kind;
  public int bucket;

  /** Event time in ms; of what a stage gave, the beginning of its minute. */
  public long timeMs;

  public byte[] entries;

  public Packet() {}

  public Packet(byte kind, int bucket, long timeMs, byte[] entries) {
    this.kind = kind;
    this.bucket = bucket;
    this.timeMs = timeMs;
    this.entries = entries;
  }

  public long minute() {
    return Math.floorDiv(timeMs, MINUTE_MS);
  }

  /** The last minute that is over once nothing at or before {@code watermarkMs} follows. */
  public static long closedMinute(long watermarkMs) {
    return Math.floorDiv(watermarkMs + 1, MINUTE_MS) - 1;
  }

  /** What {@link Stages#packetsTake} gave. */
  public static List<Packet> split(byte[] taken) {
    List<Packet> packets = new ArrayList<>();
    ByteBuffer in = ByteBuffer.wrap(taken).order(ByteOrder.LITTLE_ENDIAN);
    while (in.hasRemaining()) {
      byte kind = in.get();
      int bucket = in.getInt();
      long minute = in.getLong();
      byte[] entries = new byte[in.getInt()];
      in.get(entries);
      packets.add(new Packet(kind, bucket, minute * MINUTE_MS, entries));
    }
    return packets;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Packet packet
        && kind == packet.kind
        && bucket == packet.bucket
        && timeMs == packet.timeMs
        && Arrays.equals(entries, packet.entries);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(entries) * 31 + (int) timeMs + bucket * 7 + kind;
  }

  @Override
  public String toString() {
    return "packet of kind " + kind + " for " + bucket + " at " + timeMs + ", " + entries.length + " bytes";
  }
}
