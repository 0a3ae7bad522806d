import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.functions.TableFunction;
import org.apache.flink.types.Row;

/**
 * The counting of the job, in Flink SQL: posts as JSON, keywords by splitting, HOP windows of 10 minutes every minute, mentions
 * and distinct authors of each keyword that has 10 mentions. No text rules, no baselines, no trends.
 *
 * <p>SqlCount BROKERS POSTS COUNTS
 */
public final class SqlCount {
  /** Words of a text. */
  public static final class Words extends TableFunction<Row> {
    @org.apache.flink.table.annotation.FunctionHint(
        output = @org.apache.flink.table.annotation.DataTypeHint("ROW<word STRING>"))
    public void eval(String text) {
      if (text == null) {
        return;
      }
      for (String word : PlainCount.words(text)) {
        collect(Row.of(word));
      }
    }
  }

  public static void main(String[] arguments) {
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    StreamTableEnvironment tables = StreamTableEnvironment.create(environment);
    tables.createTemporarySystemFunction("words", Words.class);
    tables.executeSql(
        "CREATE TABLE posts (op STRING, author_did STRING, text STRING, `language` STRING, event_time STRING,"
            + " ts AS TO_TIMESTAMP(REPLACE(REPLACE(event_time, 'T', ' '), 'Z', '')), WATERMARK FOR ts AS ts)"
            + " WITH ('connector' = 'kafka', 'topic' = '" + arguments[1] + "', 'properties.bootstrap.servers' = '"
            + arguments[0] + "', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json',"
            + " 'json.ignore-parse-errors' = 'true')");
    tables.executeSql(
        "CREATE TABLE counts (word STRING, `language` STRING, mentions BIGINT, authors BIGINT, window_end STRING)"
            + " WITH ('connector' = 'kafka', 'topic' = '" + arguments[2] + "', 'properties.bootstrap.servers' = '"
            + arguments[0] + "', 'format' = 'json')");
    tables.executeSql(
        "CREATE VIEW mentions AS SELECT word, `language`, author_did, ts FROM posts, LATERAL TABLE(words(text)) AS w(word)"
            + " WHERE op = 'create'");
    tables.executeSql(
        "INSERT INTO counts SELECT word, `language`, COUNT(*), COUNT(DISTINCT author_did), CAST(window_end AS STRING)"
            + " FROM TABLE(HOP(TABLE mentions, DESCRIPTOR(ts), INTERVAL '1' MINUTE, INTERVAL '10' MINUTE))"
            + " GROUP BY word, `language`, window_start, window_end HAVING COUNT(*) >= 10");
  }
}
