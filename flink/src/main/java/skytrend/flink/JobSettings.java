package skytrend.flink;

import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The job's settings: those of skytrend.yaml that concern it, under the same names (docs/CONFIGURATION.md), and what only
 * Flink has. Given as {@code --name value}; `skytrend flink submit` gives all of them.
 */
final class JobSettings implements Serializable {
  private static final long serialVersionUID = 1;

  private static final Pattern DURATION = Pattern.compile("([0-9]{1,12})(ms|s|m|h|d)");

  private static final String[][] DEFAULTS = {
    {"kafka.bootstrap_servers", "127.0.0.1:9092"},
    {"kafka.security", "plaintext"},
    {"kafka.sasl_mechanism", "SCRAM-SHA-512"},
    {"kafka.username", ""},
    {"kafka.password", ""}, // file:PATH, read where the task runs; or from SKYTREND_KAFKA_PASSWORD
    {"kafka.ca_file", ""},
    {"kafka.compression", "zstd"},
    {"topics.posts", "bluesky-posts"},
    {"topics.trends", "trends"},
    {"topics.trend_alerts", "trend-alerts"},
    {"topics.keyword_counts", "keyword-counts"},
    {"topics.activity", "activity-5m"},
    {"topics.sessions", "user-sessions"},
    {"topics.dead_letters", "dead-letters"},
    {"window.minutes", "10"},
    {"activity.minutes", "5"},
    {"sessions.gap", "30m"},
    {"trend.languages", "en,ja,pt,de,es,fr,ko"},
    {"trend.min_frequency", "10"},
    {"trend.min_authors", "5"},
    {"trend.min_growth", "1.0"},
    {"trend.min_z", "5.0"},
    {"trend.z_mode", "deviance"},
    {"trend.samples", "5"},
    {"trend.top_keywords", "50"},
    {"trend.keep_labelled", "false"},
    {"trend.rank_recurring", "false"},
    {"flink.group", "skytrend-flink"}, // Kafka's consumer group, for lag alone: offsets are in the checkpoints
    {"flink.transactional_id", "skytrend-flink"}, // prefix of the sink's producers
    {"flink.transaction_timeout", "15m"}, // at most the brokers' transaction.max.timeout.ms
    {"flink.checkpoint_interval", "10s"},
    {"flink.checkpoint_timeout", "10m"},
    {"flink.from", "earliest"}, // without a state: earliest or latest
  };

  private final Map<String, String> values = new LinkedHashMap<>();

  private JobSettings() {}

  static JobSettings of(String[] arguments) {
    JobSettings settings = new JobSettings();
    for (String[] one : DEFAULTS) {
      settings.values.put(one[0], one[1]);
    }
    for (int i = 0; i < arguments.length; i += 2) {
      String name = arguments[i].startsWith("--") ? arguments[i].substring(2) : "";
      if (!settings.values.containsKey(name)) {
        throw new IllegalArgumentException(
            arguments[i] + " is not a setting of the job; they are: " + String.join(", ", settings.values.keySet()));
      }
      if (i + 1 == arguments.length) {
        throw new IllegalArgumentException(arguments[i] + " wants a value");
      }
      settings.values.put(name, arguments[i + 1]);
    }
    return settings;
  }

  String text(String name) {
    return values.get(name);
  }

  long number(String name) {
    try {
      return Long.parseLong(values.get(name));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("--" + name + " wants a whole number, not " + values.get(name), e);
    }
  }

  /** A number and its unit, as in skytrend.yaml: 500ms, 60s, 10m, 2h, 1d. */
  Duration duration(String name) {
    Matcher matcher = DURATION.matcher(text(name));
    if (!matcher.matches()) {
      throw new IllegalArgumentException("--" + name + " wants a duration such as 10s or 15m, not " + text(name));
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }

  /** For the stages, as JSON; the key of their tables is made anew for each submission. */
  byte[] options() {
    String languages =
        Stream.of(text("trend.languages").split("[, ]+"))
            .filter(language -> !language.isEmpty())
            .map(language -> '"' + language + '"')
            .collect(Collectors.joining(","));
    String json =
        "{\"languages\":[" + languages + "]"
            + ",\"window_minutes\":" + number("window.minutes")
            + ",\"activity_minutes\":" + number("activity.minutes")
            + ",\"session_gap_minutes\":" + duration("sessions.gap").toMinutes()
            + ",\"min_frequency\":" + number("trend.min_frequency")
            + ",\"min_authors\":" + number("trend.min_authors")
            + ",\"min_growth\":" + Double.parseDouble(text("trend.min_growth"))
            + ",\"min_z\":" + Double.parseDouble(text("trend.min_z"))
            + ",\"z_literal\":" + text("trend.z_mode").equals("literal")
            + ",\"samples\":" + number("trend.samples")
            + ",\"top_keywords\":" + number("trend.top_keywords")
            + ",\"keep_labelled\":" + Boolean.parseBoolean(text("trend.keep_labelled"))
            + ",\"rank_recurring\":" + Boolean.parseBoolean(text("trend.rank_recurring"))
            + ",\"hash_key\":" + new SecureRandom().nextLong(Long.MAX_VALUE)
            + "}";
    return json.getBytes(StandardCharsets.UTF_8);
  }

  /** Topics by enum sky_published_kind. */
  String[] topics() {
    return new String[] {
      text("topics.trends"),
      text("topics.trend_alerts"),
      text("topics.keyword_counts"),
      text("topics.activity"),
      text("topics.sessions")
    };
  }

  /** Of every client of Kafka. */
  Properties kafka() {
    Properties kafka = new Properties();
    String security = text("kafka.security");
    kafka.setProperty("security.protocol", security.toUpperCase(Locale.ROOT));
    if (security.startsWith("sasl")) {
      String module =
          text("kafka.sasl_mechanism").equals("PLAIN")
              ? "org.apache.kafka.common.security.plain.PlainLoginModule"
              : "org.apache.kafka.common.security.scram.ScramLoginModule";
      kafka.setProperty("sasl.mechanism", text("kafka.sasl_mechanism"));
      kafka.setProperty(
          "sasl.jaas.config",
          module + " required username=\"" + text("kafka.username") + "\" password=\"" + password() + "\";");
    }
    if (security.endsWith("ssl") && !text("kafka.ca_file").isEmpty()) {
      kafka.setProperty("ssl.truststore.type", "PEM");
      kafka.setProperty("ssl.truststore.location", text("kafka.ca_file"));
    }
    return kafka;
  }

  private String password() {
    String password = text("kafka.password");
    if (password.isEmpty()) {
      return System.getenv().getOrDefault("SKYTREND_KAFKA_PASSWORD", "");
    }
    if (!password.startsWith("file:")) {
      throw new IllegalArgumentException("--kafka.password wants file:PATH: secrets are no arguments");
    }
    try {
      return Files.readString(Path.of(password.substring("file:".length()))).strip();
    } catch (IOException e) {
      throw new IllegalArgumentException("--kafka.password: " + e.getMessage(), e);
    }
  }
}
