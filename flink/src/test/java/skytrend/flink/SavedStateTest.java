package skytrend.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.KeyedOneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OperatorSnapshotUtil;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What each operator kept in the middle of a stream, by this version and by every earlier one, is gone on from as if nothing had
 * happened. The states of earlier versions are in src/test/resources/state, in a folder for each; they are made, once for a
 * version, by -Dskytrend.keep_state=NAME.
 */
class SavedStateTest {
  private static final Path KEPT = Path.of("src", "test", "resources", "state");
  private static final int SAVED_AT = 30; // minutes; the burst has begun
  private static final List<String> NAMES = List.of("posts", "counts", "ranks");

  /** The three operators, each handing on what it gives. */
  private static final class Chain implements AutoCloseable {
    private final OneInputStreamOperatorTestHarness<Packet, Packet> posts;
    private final OneInputStreamOperatorTestHarness<Packet, Packet> counts;
    private final OneInputStreamOperatorTestHarness<Packet, Packet> ranks;
    private final List<String> records = new ArrayList<>();

    /** From what they kept in the folder; null: from nothing. */
    Chain(Path folder) throws Exception {
      byte[] options = JobSettings.of(new String[0]).options();
      posts = keyed(new PostOperator(options));
      counts = keyed(new CountOperator(options));
      ranks = new OneInputStreamOperatorTestHarness<>(new RankOperator(options), 1, 1, 0);
      for (OneInputStreamOperatorTestHarness<Packet, Packet> operator : all()) {
        operator.setup(PacketType.INSTANCE.createSerializer(operator.getExecutionConfig().getSerializerConfig()));
        if (folder != null) {
          operator.initializeState(
              OperatorSnapshotUtil.readStateHandle(folder.resolve(NAMES.get(all().indexOf(operator))).toString()));
        }
        operator.open();
      }
    }

    private static KeyedOneInputStreamOperatorTestHarness<Integer, Packet, Packet> keyed(
        OneInputStreamOperator<Packet, Packet> operator) throws Exception {
      return new KeyedOneInputStreamOperatorTestHarness<>(
          operator, Buckets.selector(), Types.INT, Packet.BUCKETS, 1, 0);
    }

    private List<OneInputStreamOperatorTestHarness<Packet, Packet>> all() {
      return List.of(posts, counts, ranks);
    }

    void take(Packet event) throws Exception {
      posts.processElement(new StreamRecord<>(event, event.timeMs));
      Watermark mark = new Watermark(event.timeMs - 1);
      posts.processWatermark(mark);
      handOn(posts);
      counts.processWatermark(mark);
      handOn(counts);
      ranks.processWatermark(mark);
      handOn(ranks);
    }

    private void handOn(OneInputStreamOperatorTestHarness<Packet, Packet> operator) throws Exception {
      for (Packet packet : operator.extractOutputValues()) {
        counts.processElement(new StreamRecord<>(packet, packet.timeMs));
      }
      operator.getOutput().clear();
      for (StreamRecord<Packet> packet : drained(operator, StageOperator.FOR_RANKS)) {
        ranks.processElement(packet);
      }
      List<Packet> each = new ArrayList<>();
      for (StreamRecord<Packet> packet : drained(operator, StageOperator.FOR_KAFKA)) {
        new KafkaRecords.Split().processElement(packet.getValue(), null, new ListCollector<>(each));
      }
      for (Packet record : each) {
        records.add(new String(record.entries, StandardCharsets.UTF_8));
      }
    }

    private static List<StreamRecord<Packet>> drained(
        OneInputStreamOperatorTestHarness<Packet, Packet> operator, OutputTag<Packet> tag) {
      var side = operator.getSideOutput(tag);
      if (side == null) {
        return List.of();
      }
      List<StreamRecord<Packet>> all = List.copyOf(side);
      side.clear();
      return all;
    }

    void save(Path folder) throws Exception {
      Files.createDirectories(folder);
      for (OneInputStreamOperatorTestHarness<Packet, Packet> operator : all()) {
        OperatorSubtaskState state = operator.snapshot(1, 1);
        OperatorSnapshotUtil.writeStateHandle(state, folder.resolve(NAMES.get(all().indexOf(operator))).toString());
      }
    }

    @Override
    public void close() throws Exception {
      for (OneInputStreamOperatorTestHarness<Packet, Packet> operator : all()) {
        operator.close();
      }
    }
  }

  /** Keeps a pane as CountOperator does, and what it is told as the version; null: none. */
  private static final class PaneKeeper extends AbstractStreamOperator<Packet>
      implements OneInputStreamOperator<Packet, Packet> {
    private final Long version;
    private transient ListState<Long> versions;

    PaneKeeper(Long version) {
      this.version = version;
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
      super.initializeState(context);
      versions = context.getOperatorStateStore().getUnionListState(CountOperator.VERSION);
    }

    @Override
    public void processElement(StreamRecord<Packet> element) throws Exception {
      getPartitionedState(0L, LongSerializer.INSTANCE, CountOperator.PANES).add(new byte[0]);
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
      super.snapshotState(context);
      versions.update(version == null ? List.of() : List.of(version));
    }
  }

  private static OperatorSubtaskState panesOf(Long version) throws Exception {
    try (var harness = Chain.keyed(new PaneKeeper(version))) {
      harness.setup(PacketType.INSTANCE.createSerializer(harness.getExecutionConfig().getSerializerConfig()));
      harness.open();
      harness.processElement(new StreamRecord<>(TrendDetectionJobTest.events().get(0), 0));
      return harness.snapshot(1, 1);
    }
  }

  private static void countFrom(OperatorSubtaskState state) throws Exception {
    try (var harness = Chain.keyed(new CountOperator(JobSettings.of(new String[0]).options()))) {
      harness.setup(PacketType.INSTANCE.createSerializer(harness.getExecutionConfig().getSerializerConfig()));
      harness.initializeState(state);
      harness.open();
    }
  }

  private static int savedAt(List<Packet> events) {
    return SAVED_AT * events.size() / TrendDetectionJobTest.MINUTES;
  }

  /** The records of the whole stream behind the moment of saving, which goes to {@code folder}. */
  private static List<String> runAndSave(Path folder) throws Exception {
    List<Packet> events = TrendDetectionJobTest.events();
    try (Chain chain = new Chain(null)) {
      for (int i = 0; i < events.size(); i++) {
        if (i == savedAt(events)) {
          chain.save(folder);
          chain.records.clear();
        }
        chain.take(events.get(i));
      }
      return chain.records;
    }
  }

  private static List<String> goOn(Path folder) throws Exception {
    List<Packet> events = TrendDetectionJobTest.events();
    try (Chain chain = new Chain(folder)) {
      for (Packet event : events.subList(savedAt(events), events.size())) {
        chain.take(event);
      }
      return chain.records;
    }
  }

  private static Stream<Path> folders() throws Exception {
    String keep = System.getProperty("skytrend.keep_state");
    if (keep != null) {
      runAndSave(KEPT.resolve(keep));
    }
    List<Path> folders;
    try (Stream<Path> kept = Files.list(KEPT)) {
      folders = kept.sorted().toList();
    }
    assertFalse(folders.isEmpty());
    return folders.stream();
  }

  @ParameterizedTest
  @MethodSource("folders")
  void whatAnEarlierVersionKeptIsGoneOnFrom(Path kept) throws Exception {
    Path now = Files.createTempDirectory("state");
    List<String> whole = runAndSave(now);
    assertTrue(whole.stream().anyMatch(r -> r.contains("\"keyword\":\"volcano\"")), whole.size() + " records");
    assertSame(whole, goOn(now));
    assertSame(whole, goOn(kept));
  }

  /** Whatever their order. */
  private static void assertSame(List<String> expected, List<String> got) {
    assertEquals(expected.size(), got.size());
    Collections.sort(expected);
    Collections.sort(got);
    for (int i = 0; i < got.size(); i++) {
      assertEquals(expected.get(i), got.get(i));
    }
  }

  @Test
  void whatALaterVersionKeptIsRefused() throws Exception {
    byte[] options = JobSettings.of(new String[0]).options();
    long posts = Stages.postsNew(options);
    byte[] state = Stages.postsSave(posts);
    state[0]++;
    assertTrue(
        assertThrows(StageException.class, () -> Stages.postsLoad(posts, state)).getMessage().contains("version"));
    Stages.postsFree(posts);
    long ranks = Stages.ranksNew(options);
    byte[] ranked = Stages.ranksSave(ranks);
    ranked[0]++;
    assertTrue(
        assertThrows(StageException.class, () -> Stages.ranksLoad(ranks, ranked)).getMessage().contains("version"));
    Stages.ranksFree(ranks);
  }

  @Test
  void panesOfAnotherVersionOrOfNoneAreRefused() throws Exception {
    countFrom(panesOf(1L));
    OperatorSubtaskState later = panesOf(2L);
    assertTrue(
        assertThrows(IllegalStateException.class, () -> countFrom(later)).getMessage().contains("panes of version 2"));
    OperatorSubtaskState unversioned = panesOf(null);
    assertTrue(
        assertThrows(IllegalStateException.class, () -> countFrom(unversioned)).getMessage().contains("of no version"));
  }
}
