import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Set;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.SlidingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/**
 * The counting of the job as one would write it with the DataStream API: JSON by Jackson, words by splitting, a sliding window of
 * 10 minutes every minute by keyword, mentions and distinct authors of those with 10 mentions. No text rules, no baselines, no
 * trends.
 *
 * <p>PlainCount BROKERS POSTS COUNTS
 */
public final class PlainCount {
  private static final int MIN_FREQUENCY = 10;

  /** Each word of a text once. */
  static Set<String> words(String text) {
    Set<String> words = new LinkedHashSet<>();
    for (String word : text.toLowerCase(Locale.ROOT).split("[^\\p{L}\\p{N}#']+")) {
      if (word.length() > 1) {
        words.add(word);
      }
    }
    return words;
  }

  /** Mentions and authors so far. */
  public static final class Count {
    public long mentions;
    public Set<String> authors = new HashSet<>();
  }

  private static final class Counting implements AggregateFunction<Tuple3<String, String, Long>, Count, Count> {
    @Override
    public Count createAccumulator() {
      return new Count();
    }

    @Override
    public Count add(Tuple3<String, String, Long> mention, Count count) {
      count.mentions++;
      count.authors.add(mention.f1);
      return count;
    }

    @Override
    public Count getResult(Count count) {
      return count;
    }

    @Override
    public Count merge(Count a, Count b) {
      a.mentions += b.mentions;
      a.authors.addAll(b.authors);
      return a;
    }
  }

  private static final class Frequent extends ProcessWindowFunction<Count, String, String, TimeWindow> {
    @Override
    public void process(String word, Context context, Iterable<Count> counts, Collector<String> out) {
      Count count = counts.iterator().next();
      if (count.mentions >= MIN_FREQUENCY) {
        out.collect(word + ' ' + count.mentions + ' ' + count.authors.size() + ' ' + Instant.ofEpochMilli(context.window().getEnd()));
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    KafkaSource<String> source =
        KafkaSource.<String>builder()
            .setBootstrapServers(arguments[0])
            .setTopics(arguments[1])
            .setGroupId("plain-count")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setValueOnlyDeserializer(new SimpleStringSchema())
            .build();
    KafkaSink<String> sink =
        KafkaSink.<String>builder()
            .setBootstrapServers(arguments[0])
            .setRecordSerializer(
                KafkaRecordSerializationSchema.<String>builder()
                    .setTopic(arguments[2])
                    .setValueSerializationSchema(new SimpleStringSchema())
                    .build())
            .build();
    ObjectMapper json = new ObjectMapper();
    environment
        .fromSource(
            source,
            WatermarkStrategy.<String>forMonotonousTimestamps()
                .withTimestampAssigner((post, ms) -> Instant.parse(read(json, post).get("event_time").asText()).toEpochMilli()),
            "posts")
        .flatMap(
            (String post, Collector<Tuple3<String, String, Long>> out) -> {
              JsonNode node = read(json, post);
              if (node.get("op").asText().equals("create")) {
                for (String word : words(node.get("text").asText())) {
                  out.collect(Tuple3.of(node.path("language").asText() + ' ' + word, node.get("author_did").asText(), 1L));
                }
              }
            })
        .returns(new TypeHint<Tuple3<String, String, Long>>() {})
        .keyBy(mention -> mention.f0)
        .window(SlidingEventTimeWindows.of(Duration.ofMinutes(10), Duration.ofMinutes(1)))
        .aggregate(new Counting(), new Frequent())
        .sinkTo(sink);
    environment.execute("plain count");
  }

  private static JsonNode read(ObjectMapper json, String post) {
    try {
      return json.readTree(post);
    } catch (Exception e) {
      throw new IllegalArgumentException(post, e);
    }
  }
}
