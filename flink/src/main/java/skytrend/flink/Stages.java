package skytrend.flink;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/**
 * The stages of src/stage as native methods. A handle is freed once, by the operator that made it, and used by one thread
 * at a time. Options are JSON (src/stage/options_json.h), minutes are event time / 60,000.
 */
final class Stages {
  private static final String LIBRARY = "libskytrend.so";

  static {
    load();
  }

  private Stages() {}

  /**
   * Each class loader, so each job, gets a file of its own: the JVM refuses a path that another loader has loaded. The file
   * can be forgotten as soon as it is loaded.
   */
  private static void load() {
    try (InputStream library = Stages.class.getResourceAsStream("/" + LIBRARY)) {
      if (library == null) {
        throw new IOException(LIBRARY + " is not in the job's jar: build it with scripts/build-flink.sh");
      }
      Path file = Files.createTempFile("libskytrend", ".so");
      try {
        Files.copy(library, file, StandardCopyOption.REPLACE_EXISTING);
        System.load(file.toString());
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  static native long decodeNew(byte[] options) throws StageException;

  static native void decodeFree(long decode);

  /** Event time (i64), bucket (u32) and the event, all little-endian. {@code timestampMs}: what Kafka has for the record. */
  static native byte[] decode(long decode, byte[] record, long timestampMs) throws StageException;

  static native long packetsNew() throws StageException;

  static native void packetsFree(long packets);

  static native long packetsSize(long packets);

  /** For {@link Packet#split}. */
  static native byte[] packetsTake(long packets) throws StageException;

  static native long postsNew(byte[] options) throws StageException;

  static native void postsFree(long posts);

  /** False: late, nothing done. */
  static native boolean postsTake(long posts, long minute, byte[] events) throws StageException;

  static native void postsClose(long posts, long minute, long packets) throws StageException;

  static native byte[] postsSave(long posts) throws StageException;

  static native void postsLoad(long posts, byte[] state) throws StageException;

  /** Posts taken, imported ones, repeats, late packets. */
  static native long[] postsStats(long posts);

  /** How many minutes of occurrences a stage of counts follows from. */
  static native int countsMinutes(byte[] options) throws StageException;

  static native long countsNew(byte[] options) throws StageException;

  static native void countsFree(long counts);

  /** False: late, nothing done. */
  static native boolean countsTake(long counts, long minute, byte[] occurrences) throws StageException;

  /** {@code packets} 0: tell nobody. */
  static native void countsClose(long counts, long minute, long packets) throws StageException;

  static native long ranksNew(byte[] options) throws StageException;

  static native void ranksFree(long ranks);

  /** False: late, nothing done. */
  static native boolean ranksTake(long ranks, int kind, long minute, byte[] entries) throws StageException;

  static native void ranksClose(long ranks, long minute, long packets) throws StageException;

  static native byte[] ranksSave(long ranks) throws StageException;

  static native void ranksLoad(long ranks, byte[] state) throws StageException;

  /** Slides, late packets, keywords known, keywords in the window, trends, uptime in minutes, the last closed minute. */
  static native long[] ranksStats(long ranks);
}
