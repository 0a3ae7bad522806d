package skytrend.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.util.MiniClusterWithClientResource;
import org.apache.flink.util.CloseableIterator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The job between its source and its sink, on a cluster in this process. */
class TrendDetectionJobTest {
  private static final Instant START = Instant.parse("2026-01-05T00:00:00Z");
  static final int MINUTES = 40;
  private static final int POSTS_A_MINUTE = 60;
  private static final int BURST_FROM = 25;

  private static final MiniClusterWithClientResource CLUSTER =
      new MiniClusterWithClientResource(
          new MiniClusterResourceConfiguration.Builder().setNumberTaskManagers(1).setNumberSlotsPerTaskManager(4).build());

  @BeforeAll
  static void start() throws Exception {
    CLUSTER.before();
  }

  @AfterAll
  static void stop() {
    CLUSTER.after();
  }

  /** A watermark behind each event: such a short input has no time for periodic ones. */
  private static final class EachEvent implements WatermarkGenerator<Packet> {
    @Override
    public void onEvent(Packet packet, long timestampMs, WatermarkOutput output) {
      output.emitWatermark(new Watermark(timestampMs - 1));
    }

    @Override
    public void onPeriodicEmit(WatermarkOutput output) {}
  }

  /** An hour of posts by many authors; from BURST_FROM on every fourth says "volcano". */
  private static List<byte[]> posts() {
    Random random = new Random(5);
    List<byte[]> posts = new ArrayList<>();
    for (int i = 0; i < MINUTES * POSTS_A_MINUTE; i++) {
      Instant time = START.plusSeconds(i * 60L / POSTS_A_MINUTE);
      String author = "did:plc:author" + random.nextInt(700);
      String burst = i >= BURST_FROM * POSTS_A_MINUTE && i % 4 == 0 ? "volcano" : "";
      String text = "alpha" + random.nextInt(50) + " over bravo" + random.nextInt(200) + " " + burst;
      posts.add(
          ("{\"op\":\"create\",\"uri\":\"at://" + author + "/app.bsky.feed.post/" + i + "\",\"author_did\":\"" + author
                  + "\",\"text\":\"" + text + "\",\"language\":\"en\",\"rev\":\"r" + i + "\",\"event_time\":\"" + time + "\"}")
              .getBytes(StandardCharsets.UTF_8));
    }
    return posts;
  }

  static List<Packet> events() throws Exception {
    long decode = Stages.decodeNew(JobSettings.of(new String[0]).options());
    List<Packet> events = new ArrayList<>();
    for (byte[] post : posts()) {
      byte[] decoded = Stages.decode(decode, post, START.plusSeconds(3600).toEpochMilli());
      ByteBuffer head = ByteBuffer.wrap(decoded).order(ByteOrder.LITTLE_ENDIAN);
      long timeMs = head.getLong();
      events.add(new Packet(Packet.EVENTS, head.getInt(), timeMs, Arrays.copyOfRange(decoded, 12, decoded.length)));
    }
    Stages.decodeFree(decode);
    return events;
  }

  private static List<String> run(int parallelism) throws Exception {
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    environment.setParallelism(parallelism);
    environment.setMaxParallelism(Packet.BUCKETS);
    DataStream<Packet> events =
        environment
            .fromData(PacketType.INSTANCE, events().toArray(new Packet[0]))
            .assignTimestampsAndWatermarks(
                WatermarkStrategy.<Packet>forGenerator(context -> new EachEvent())
                    .withTimestampAssigner((packet, ms) -> packet.timeMs))
            .setParallelism(1);
    DataStream<Packet> records =
        TrendDetectionJob.detect(events, JobSettings.of(new String[0]))
            .process(new KafkaRecords.Split(), PacketType.INSTANCE);
    List<String> got = new ArrayList<>();
    try (CloseableIterator<Packet> all = records.executeAndCollect()) {
      all.forEachRemaining(packet -> got.add(new String(packet.entries, StandardCharsets.UTF_8)));
    }
    got.sort(Comparator.naturalOrder());
    return got;
  }

  @Test
  void aBurstIsFoundWhateverTheParallelism() throws Exception {
    List<String> one = run(1);
    long slides = one.stream().filter(record -> record.contains("\"top_keywords\"") && record.contains("\"trends\"")).count();
    assertTrue(slides >= MINUTES - 3, slides + " slides");
    assertTrue(one.stream().anyMatch(r -> r.contains("\"keyword\":\"volcano\"") && r.contains("\"kind\":\"started\"")));
    assertEquals(one, run(3));
  }

  @Test
  void bucketsAreKeyGroups() {
    for (int bucket = 0; bucket < Packet.BUCKETS; bucket++) {
      assertEquals(
          bucket,
          org.apache.flink.runtime.state.KeyGroupRangeAssignment.assignToKeyGroup(Buckets.key(bucket), Packet.BUCKETS));
    }
  }

  @Test
  void settingsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> JobSettings.of(new String[] {"--trend.min_zz", "5"}));
    assertThrows(IllegalArgumentException.class, () -> JobSettings.of(new String[] {"--trend.min_z"}));
    JobSettings secret = JobSettings.of(new String[] {"--kafka.security", "sasl_ssl", "--kafka.password", "hunter2"});
    assertThrows(IllegalArgumentException.class, secret::kafka);
  }
}
