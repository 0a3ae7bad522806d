package skytrend.flink;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.KeyGroupStatePartitionStreamProvider;
import org.apache.flink.runtime.state.KeyedStateCheckpointOutputStream;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * The post stages of this task's buckets of authors. Their state is native memory, in checkpoints raw keyed state: the
 * stage's own bytes, one key group a bucket.
 */
final class PostOperator extends StageOperator {
  private transient Map<Integer, Long> stages;
  private transient Counter late;

  PostOperator(byte[] options) {
    super(options);
  }

  @Override
  protected boolean isUsingCustomRawKeyedState() {
    return true;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    stages = new TreeMap<>();
    for (KeyGroupStatePartitionStreamProvider group : context.getRawKeyedStateInputs()) {
      try (DataInputStream in = new DataInputStream(group.getStream())) {
        byte[] state = in.readNBytes(in.readInt());
        if (state.length > 0) {
          Stages.postsLoad(stage(group.getKeyGroupId()), state);
        }
      }
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    late = getMetricGroup().counter("posts_late_total");
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    KeyedStateCheckpointOutputStream out = context.getRawKeyedOperatorStateOutput();
    for (int bucket : out.getKeyGroupList()) {
      out.startNewKeyGroup(bucket);
      Long stage = stages.get(bucket);
      byte[] state = stage == null ? new byte[0] : Stages.postsSave(stage);
      DataOutputStream data = new DataOutputStream(out);
      data.writeInt(state.length);
      data.write(state);
    }
  }

  private long stage(int bucket) throws StageException {
    Long stage = stages.get(bucket);
    if (stage == null) {
      stage = Stages.postsNew(options);
      stages.put(bucket, stage);
    }
    return stage;
  }

  @Override
  public void processElement(StreamRecord<Packet> element) throws Exception {
    Packet packet = element.getValue();
    if (!Stages.postsTake(stage(packet.bucket), packet.minute(), packet.entries)) {
      late.inc();
    }
  }

  @Override
  protected void closeMinutes(long minute) throws Exception {
    for (long stage : stages.values()) {
      Stages.postsClose(stage, minute, packets);
      send(false);
    }
  }

  @Override
  public void close() throws Exception {
    if (stages != null) {
      stages.values().forEach(Stages::postsFree);
      stages.clear();
    }
    super.close();
  }
}
