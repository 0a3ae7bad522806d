package skytrend.flink;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Histogram;
import org.apache.flink.runtime.metrics.DescriptiveStatisticsHistogram;
import org.apache.flink.runtime.state.OperatorStateCheckpointOutputStream;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StatePartitionStreamProvider;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * The rank stage: one task for the whole network. Its state is native memory, in checkpoints raw operator state: the
 * stage's own bytes.
 */
final class RankOperator extends StageOperator {
  private static final int LATENCIES = 512;
  private static final long MINUTE_MS = 60_000;

  private static final int SLIDES = 0;
  private static final int KEYWORDS_KNOWN = 2;
  private static final int KEYWORDS_IN_WINDOW = 3;
  private static final int TRENDS = 4;
  private static final int UPTIME = 5;
  private static final int CLOSED_MINUTE = 6;

  private transient long stage;
  private transient long[] stats;
  private transient Counter late;
  private transient Histogram latencyMs;

  RankOperator(byte[] options) {
    super(options);
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    stage = Stages.ranksNew(options);
    for (StatePartitionStreamProvider saved : context.getRawOperatorStateInputs()) {
      try (DataInputStream in = new DataInputStream(saved.getStream())) {
        Stages.ranksLoad(stage, in.readNBytes(in.readInt()));
      }
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    stats = Stages.ranksStats(stage);
    closedMinute = stats[CLOSED_MINUTE];
    late = getMetricGroup().counter("packets_late_total");
    latencyMs = getMetricGroup().histogram("trend_detection_latency_ms", new DescriptiveStatisticsHistogram(LATENCIES));
    getMetricGroup().gauge("active_trends", () -> stats[TRENDS]);
    getMetricGroup().gauge("keywords_known", () -> stats[KEYWORDS_KNOWN]);
    getMetricGroup().gauge("keywords_in_window", () -> stats[KEYWORDS_IN_WINDOW]);
    getMetricGroup().gauge("slides_total", () -> stats[SLIDES]);
    getMetricGroup().gauge("uptime_minutes", () -> stats[UPTIME]);
    getMetricGroup().gauge("freshness_seconds", this::freshnessSeconds);
  }

  /** How long ago the last minute that was ranked ended. */
  private long freshnessSeconds() {
    long minute = stats[CLOSED_MINUTE];
    return minute == Long.MIN_VALUE ? 0 : (System.currentTimeMillis() - (minute + 1) * MINUTE_MS) / 1000;
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    byte[] state = Stages.ranksSave(stage);
    OperatorStateCheckpointOutputStream out = context.getRawOperatorStateOutput();
    out.startNewPartition();
    DataOutputStream data = new DataOutputStream(out);
    data.writeInt(state.length);
    data.write(state);
  }

  @Override
  public void processElement(StreamRecord<Packet> element) throws Exception {
    Packet packet = element.getValue();
    if (!Stages.ranksTake(stage, packet.kind, packet.minute(), packet.entries)) {
      late.inc();
    }
  }

  @Override
  protected void closeMinutes(long minute) throws Exception {
    Stages.ranksClose(stage, minute, packets);
    long slides = stats[SLIDES];
    stats = Stages.ranksStats(stage);
    if (stats[SLIDES] > slides) {
      latencyMs.update(System.currentTimeMillis() - (minute + 1) * MINUTE_MS);
    }
  }

  @Override
  public void close() throws Exception {
    Stages.ranksFree(stage);
    stage = 0;
    super.close();
  }
}
