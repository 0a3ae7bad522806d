package skytrend.flink;

import java.io.ByteArrayOutputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * The count stages of this task's buckets of keywords. Occurrences are appended to panes of a minute in the state backend
 * (RocksDB merges them without a read), and counted in native memory; after a restart the native windows are made again
 * from the panes. So a checkpoint carries what is new, whatever the length of the window.
 */
final class CountOperator extends StageOperator {
  static final ListStateDescriptor<byte[]> PANES =
      new ListStateDescriptor<>("panes", BytePrimitiveArraySerializer.INSTANCE);
  private static final ListStateDescriptor<Long> CLOSED =
      new ListStateDescriptor<>("closed-minute", LongSerializer.INSTANCE);
  static final ListStateDescriptor<Long> VERSION =
      new ListStateDescriptor<>("panes-version", LongSerializer.INSTANCE);

  /** Of the occurrences in panes (src/stage/event.h). Another form of them is another version. */
  private static final long PANES_VERSION = 1;

  private transient Map<Integer, Bucket> buckets;
  private transient ListState<Long> closed;
  private transient ListState<Long> version;
  private transient long restoredMinute;
  private transient boolean restoredVersion;
  private transient int minutes;
  private transient Counter late;

  private static final class Bucket {
    final long stage;
    final TreeSet<Long> panes = new TreeSet<>();

    Bucket(long stage) {
      this.stage = stage;
    }
  }

  CountOperator(byte[] options) {
    super(options);
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    restoredMinute = Long.MIN_VALUE;
    closed = context.getOperatorStateStore().getUnionListState(CLOSED);
    for (long minute : closed.get()) { // the same in all tasks: a barrier is behind the same watermark everywhere
      restoredMinute = Math.max(restoredMinute, minute);
    }
    version = context.getOperatorStateStore().getUnionListState(VERSION);
    restoredVersion = false;
    for (long saved : version.get()) {
      restoredVersion = true;
      if (saved != PANES_VERSION) {
        throw new IllegalStateException("the state has panes of version " + saved + ", this job reads " + PANES_VERSION);
      }
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    buckets = new HashMap<>();
    minutes = Stages.countsMinutes(options);
    late = getMetricGroup().counter("occurrences_late_total");
    closedMinute = restoredMinute;
    restore();
  }

  /** Panes of minute {@code minute} of the current key's bucket. */
  private ListState<byte[]> panes(long minute) throws Exception {
    return getPartitionedState(minute, LongSerializer.INSTANCE, PANES);
  }

  private void restore() throws Exception {
    panes(0); // makes the state known
    List<Tuple2<Integer, Long>> found;
    try (Stream<Tuple2<Integer, Long>> all =
        this.<Integer>getKeyedStateBackend().<Long>getKeysAndNamespaces(PANES.getName())) {
      found = all.toList();
    }
    for (Tuple2<Integer, Long> pane : found) {
      bucket(pane.f0).panes.add(pane.f1);
    }
    if (!found.isEmpty() && !restoredVersion) { // each snapshot has one; what these panes are would be a guess
      throw new IllegalStateException("the state has panes of no version, this job reads " + PANES_VERSION);
    }
    for (Map.Entry<Integer, Bucket> entry : buckets.entrySet()) {
      setCurrentKey(entry.getKey());
      Bucket bucket = entry.getValue();
      for (long minute : bucket.panes) {
        ByteArrayOutputStream occurrences = new ByteArrayOutputStream();
        for (byte[] part : panes(minute).get()) {
          occurrences.writeBytes(part);
        }
        Stages.countsTake(bucket.stage, minute, occurrences.toByteArray());
      }
      Stages.countsClose(bucket.stage, closedMinute, 0);
    }
  }

  private Bucket bucket(int key) throws StageException {
    Bucket bucket = buckets.get(key);
    if (bucket == null) {
      bucket = new Bucket(Stages.countsNew(options));
      buckets.put(key, bucket);
    }
    return bucket;
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    closed.update(List.of(closedMinute));
    version.update(List.of(PANES_VERSION));
  }

  @Override
  public void processElement(StreamRecord<Packet> element) throws Exception {
    Packet packet = element.getValue();
    Bucket bucket = bucket((Integer) getCurrentKey());
    long minute = packet.minute();
    if (!Stages.countsTake(bucket.stage, minute, packet.entries)) {
      late.inc();
      return;
    }
    panes(minute).add(packet.entries);
    bucket.panes.add(minute);
  }

  @Override
  protected void closeMinutes(long minute) throws Exception {
    for (Map.Entry<Integer, Bucket> entry : buckets.entrySet()) {
      Bucket bucket = entry.getValue();
      Stages.countsClose(bucket.stage, minute, packets);
      send(false);
      setCurrentKey(entry.getKey());
      while (!bucket.panes.isEmpty() && bucket.panes.first() <= minute - minutes) {
        panes(bucket.panes.pollFirst()).clear();
      }
    }
  }

  @Override
  public void close() throws Exception {
    if (buckets != null) {
      for (Bucket bucket : buckets.values()) {
        Stages.countsFree(bucket.stage);
      }
      buckets.clear();
    }
    super.close();
  }
}
