package skytrend.flink;

import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/**
 * The trend detection of `skytrend run`, when one machine is not enough: the same native core, in stages.
 *
 * <pre>
 *   topic of posts
 *     | decode, language, keywords             in the source, each partition with its own watermark
 *     | by bucket of authors
 *   posts: repeats, what may be shown, authors, sessions
 *     | by bucket of keywords                  | posts, totals
 *   counts: panes of a minute in RocksDB       |
 *     | rows                                   |
 *   ranks: baselines, null, gates, ranks; one task
 *     | records
 *   topics of trends, alerts, counts, activity, sessions; exactly once
 * </pre>
 */
public final class TrendDetectionJob {
  private final JobSettings settings;
  private final byte[] options;

  private TrendDetectionJob(JobSettings settings) {
    this.settings = settings;
    this.options = settings.options();
  }

  public static void main(String[] arguments) throws Exception {
    JobSettings settings = JobSettings.of(arguments);
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    build(environment, settings);
    environment.execute("Skytrend trend detection");
  }

  static void build(StreamExecutionEnvironment environment, JobSettings settings) {
    TrendDetectionJob job = new TrendDetectionJob(settings);
    job.setupCheckpointing(environment);
    job.publish(job.detect(job.setupSources(environment)));
  }

  /** From events to what is published: all that is between the source and the sink. */
  static DataStream<Packet> detect(DataStream<Packet> events, JobSettings settings) {
    return new TrendDetectionJob(settings).detect(events);
  }

  private DataStream<Packet> detect(DataStream<Packet> source) {
    SingleOutputStreamOperator<Packet> events = extractKeywords(source);
    SingleOutputStreamOperator<Packet> posts = normalizeKeywords(events);
    SingleOutputStreamOperator<Packet> counts = applySlidingWindows(posts);
    SingleOutputStreamOperator<Packet> ranks = calculateTrends(posts, counts);
    return ranks
        .getSideOutput(StageOperator.FOR_KAFKA)
        .union(posts.getSideOutput(StageOperator.FOR_KAFKA), events.getSideOutput(StageOperator.FOR_KAFKA));
  }

  /** Exactly once, incremental, kept when the job is cancelled or fails for good. */
  private void setupCheckpointing(StreamExecutionEnvironment environment) {
    Configuration configuration = new Configuration();
    configuration.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, settings.duration("flink.checkpoint_interval"));
    configuration.set(CheckpointingOptions.CHECKPOINTING_TIMEOUT, settings.duration("flink.checkpoint_timeout"));
    configuration.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
    configuration.set(
        CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
        ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
    configuration.set(StateBackendOptions.STATE_BACKEND, "rocksdb");
    configuration.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "exponential-delay");
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF, Duration.ofSeconds(1));
    configuration.set(RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_MAX_BACKOFF, Duration.ofMinutes(1));
    configuration.set(
        RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_RESET_BACKOFF_THRESHOLD, Duration.ofMinutes(10));
    environment.configure(configuration);
    environment.setMaxParallelism(Packet.BUCKETS);
  }

  /** Records become events with keywords in the source: see {@link PostDeserializer}. */
  private DataStream<Packet> setupSources(StreamExecutionEnvironment environment) {
    Properties kafka = settings.kafka();
    kafka.setProperty("isolation.level", "read_committed");
    kafka.setProperty("partition.discovery.interval.ms", "60000");
    KafkaSource<Packet> source =
        KafkaSource.<Packet>builder()
            .setBootstrapServers(settings.text("kafka.bootstrap_servers"))
            .setTopics(settings.text("topics.posts"))
            .setGroupId(settings.text("flink.group"))
            .setStartingOffsets(
                settings.text("flink.from").equals("latest")
                    ? OffsetsInitializer.latest()
                    : OffsetsInitializer.earliest())
            .setDeserializer(new PostDeserializer(options))
            .setProperties(kafka)
            .build();
    WatermarkStrategy<Packet> eventTime =
        WatermarkStrategy.<Packet>forMonotonousTimestamps().withTimestampAssigner((packet, kafkaMs) -> packet.timeMs);
    return environment.fromSource(source, eventTime, "posts from Kafka: decode, language, keywords").uid("posts-source");
  }

  /** Events with their keywords, in packets by bucket of authors. */
  private SingleOutputStreamOperator<Packet> extractKeywords(DataStream<Packet> events) {
    return events.transform("events by author", PacketType.INSTANCE, new EventBatcher()).uid("event-batcher");
  }

  /** Posts that count: repeats dropped, hidden ones noted; their keywords, normalised, by bucket of keywords. */
  private SingleOutputStreamOperator<Packet> normalizeKeywords(DataStream<Packet> events) {
    return events
        .keyBy(Buckets.selector(), Types.INT)
        .transform("posts: repeats, authors, sessions", PacketType.INSTANCE, new PostOperator(options))
        .uid("posts");
  }

  /** What each keyword's window holds at each slide. */
  private SingleOutputStreamOperator<Packet> applySlidingWindows(DataStream<Packet> occurrences) {
    return occurrences
        .keyBy(Buckets.selector(), Types.INT)
        .transform("windows by keyword", PacketType.INSTANCE, new CountOperator(options))
        .uid("counts");
  }

  /** The trends of each slide: one task, for ranks are of the whole network. */
  private SingleOutputStreamOperator<Packet> calculateTrends(
      SingleOutputStreamOperator<Packet> posts, SingleOutputStreamOperator<Packet> counts) {
    return posts
        .getSideOutput(StageOperator.FOR_RANKS)
        .union(counts.getSideOutput(StageOperator.FOR_RANKS))
        .transform("trends: baselines, gates, ranks", PacketType.INSTANCE, new RankOperator(options))
        .setParallelism(1)
        .setMaxParallelism(1)
        .uid("ranks");
  }

  private void publish(DataStream<Packet> packets) {
    Properties kafka = settings.kafka();
    kafka.setProperty("transaction.timeout.ms", Long.toString(settings.duration("flink.transaction_timeout").toMillis()));
    kafka.setProperty("compression.type", settings.text("kafka.compression"));
    KafkaSink<Packet> sink =
        KafkaSink.<Packet>builder()
            .setBootstrapServers(settings.text("kafka.bootstrap_servers"))
            .setRecordSerializer(new KafkaRecords(settings.topics(), settings.text("topics.dead_letters")))
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(settings.text("flink.transactional_id"))
            .setKafkaProducerConfig(kafka)
            .build();
    packets
        .process(new KafkaRecords.Split(), PacketType.INSTANCE)
        .name("records one by one")
        .uid("records")
        .setParallelism(1)
        .sinkTo(sink)
        .name("records to Kafka")
        .uid("kafka-sink")
        .setParallelism(1);
  }
}
