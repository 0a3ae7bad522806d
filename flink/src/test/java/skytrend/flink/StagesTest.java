package skytrend.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The native methods: the vectors that the C tests read too, errors as exceptions, and no memory lost. */
class StagesTest {
  private static final Path VECTORS = Path.of("../tests/vectors/stages/decode.jsonl");
  private static final byte[] OPTIONS = bytes("{}");
  private static final long MINUTE = 29_600_000;
  private static final long WRITTEN_MS = Long.MAX_VALUE; // much later
  private static final int CALLS = 10_000_000;
  private static final long GROWTH_KIB_MAX = 24 * 1024;

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The keywords of an event (src/stage/event.h), which begins behind the head. */
  private static List<String> keywords(byte[] decoded) {
    ByteBuffer in = ByteBuffer.wrap(decoded).order(ByteOrder.LITTLE_ENDIAN);
    in.position(12 + 2 + 8); // head; op and flags; event time
    for (int blob = 0; blob < 4; blob++) { // author, uri, text, rev
      int length = in.getInt();
      in.position(in.position() + length);
    }
    in.position(in.position() + 8 + 8 + 1); // created_at, sketch, language
    List<String> keywords = new ArrayList<>();
    int count = in.getInt();
    in.getInt();
    for (int i = 0; i < count; i++) {
      in.get();
      byte[] keyword = new byte[in.get() & 0xff];
      in.get(keyword);
      keywords.add(new String(keyword, StandardCharsets.UTF_8));
    }
    assertFalse(in.hasRemaining());
    return keywords;
  }

  @Test
  void vectorsAreDecodedAsInC() throws IOException {
    ObjectMapper json = new ObjectMapper();
    long decode = Stages.decodeNew(OPTIONS);
    int count = 0;
    for (String line : Files.readAllLines(VECTORS)) {
      JsonNode vector = json.readTree(line);
      String name = vector.get("name").asText();
      byte[] record = bytes(vector.get("record").asText());
      long timestampMs = vector.has("timestamp_ms") ? vector.get("timestamp_ms").asLong() : WRITTEN_MS;
      count++;
      if (vector.has("status")) {
        StageException e = assertThrows(StageException.class, () -> Stages.decode(decode, record, timestampMs), name);
        assertEquals(vector.get("status").asText(), e.status(), name);
        continue;
      }
      byte[] decoded = Stages.decode(decode, record, timestampMs);
      assertEquals(
          vector.get("event_time_ms").asLong(), ByteBuffer.wrap(decoded).order(ByteOrder.LITTLE_ENDIAN).getLong(), name);
      List<String> expected = new ArrayList<>();
      vector.get("keywords").forEach(keyword -> expected.add(keyword.asText()));
      assertEquals(expected, keywords(decoded), name);
    }
    assertTrue(count >= 30);
    Stages.decodeFree(decode);
  }

  @Test
  void errorsSayWhatAndWhere() throws IOException {
    long decode = Stages.decodeNew(OPTIONS);
    StageException bad =
        assertThrows(StageException.class, () -> Stages.decode(decode, bytes("{\"op\":\"watermark\",!"), WRITTEN_MS));
    assertEquals("malformed", bad.status());
    assertEquals(18, bad.offset());
    assertTrue(bad.getMessage().startsWith("malformed at byte 18: "), bad.getMessage());
    Stages.decodeFree(decode);

    StageException options = assertThrows(StageException.class, () -> Stages.ranksNew(bytes("{\"window\":1}")));
    assertEquals("config", options.status());
    assertThrows(StageException.class, () -> Stages.decodeNew(bytes("{")));

    long posts = Stages.postsNew(OPTIONS);
    assertThrows(StageException.class, () -> Stages.postsLoad(posts, bytes("not a state")));
    Stages.postsFree(posts);
    long ranks = Stages.ranksNew(OPTIONS);
    assertThrows(StageException.class, () -> Stages.ranksTake(ranks, Packet.EVENTS, MINUTE, new byte[0]));
    Stages.ranksFree(ranks);
  }

  @Test
  void damagedEventsAreRefused() throws IOException {
    long posts = Stages.postsNew(OPTIONS);
    long packets = Stages.packetsNew();
    assertTrue(Stages.postsTake(posts, MINUTE, new byte[] {0, 0, 1}));
    assertThrows(StageException.class, () -> Stages.postsClose(posts, MINUTE, packets));
    Stages.postsFree(posts);
    Stages.packetsFree(packets);
  }

  @Test
  void closedMinutesTakeNothing() throws IOException {
    long posts = Stages.postsNew(OPTIONS);
    long packets = Stages.packetsNew();
    Stages.postsClose(posts, MINUTE, packets);
    assertFalse(Stages.postsTake(posts, MINUTE, new byte[0]));
    assertTrue(Stages.postsTake(posts, MINUTE + 1, new byte[0]));
    assertArrayEquals(new long[] {0, 0, 0, 1}, Stages.postsStats(posts));
    byte[] state = Stages.postsSave(posts);
    long other = Stages.postsNew(OPTIONS);
    Stages.postsLoad(other, state);
    assertArrayEquals(state, Stages.postsSave(other));
    Stages.postsFree(posts);
    Stages.postsFree(other);
    Stages.packetsFree(packets);
  }

  private static long residentKib() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("RssAnon:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("no RssAnon");
  }

  /** Good and bad records, stages that come and go: what is resident does not grow with the calls. */
  @Test
  void nothingLeaksInTenMillionCalls() throws IOException {
    byte[] good = bytes(
        "{\"op\":\"create\",\"uri\":\"at://did:plc:a/app.bsky.feed.post/1\",\"author_did\":\"did:plc:a\","
            + "\"text\":\"storm flood\",\"language\":\"en\",\"rev\":\"r\",\"event_time\":\"2026-01-05T00:00:01.500Z\"}");
    byte[] bad = bytes("{\"op\":\"create\"}");
    long decode = Stages.decodeNew(OPTIONS);
    long before = 0;
    for (int call = 0; call < CALLS; call++) {
      if (call % 100 == 99) {
        assertThrows(StageException.class, () -> Stages.decode(decode, bad, WRITTEN_MS));
      } else {
        Stages.decode(decode, good, WRITTEN_MS);
      }
      if (call % 100_000 == 0) {
        long packets = Stages.packetsNew();
        long posts = Stages.postsNew(OPTIONS);
        long counts = Stages.countsNew(OPTIONS);
        long ranks = Stages.ranksNew(OPTIONS);
        Stages.ranksLoad(ranks, Stages.ranksSave(ranks));
        Stages.postsClose(posts, MINUTE, packets);
        Stages.countsClose(counts, MINUTE, packets);
        Stages.packetsTake(packets);
        Stages.ranksFree(ranks);
        Stages.countsFree(counts);
        Stages.postsFree(posts);
        Stages.packetsFree(packets);
      }
      if (call == CALLS / 4) { // by then the JVM has what it wants
        System.gc();
        before = residentKib();
      }
    }
    System.gc();
    long growth = residentKib() - before;
    Stages.decodeFree(decode);
    assertTrue(growth < GROWTH_KIB_MAX, "grew by " + growth + " KiB");
  }
}
