package skytrend.flink;

import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;

/**
 * Buckets as keys of Flink, chosen so that each bucket is a key group of its own: buckets are then spread evenly whatever
 * the parallelism, and a saved state moves bucket by bucket when it changes.
 */
final class Buckets {
  private static final int[] KEYS = keys();

  private Buckets() {}

  private static int[] keys() {
    int[] keys = new int[Packet.BUCKETS];
    boolean[] found = new boolean[Packet.BUCKETS];
    int left = Packet.BUCKETS;
    for (int key = 0; left > 0; key++) {
      int group = KeyGroupRangeAssignment.assignToKeyGroup(key, Packet.BUCKETS);
      if (!found[group]) {
        found[group] = true;
        keys[group] = key;
        left--;
      }
    }
    return keys;
  }

  static int key(int bucket) {
    return KEYS[bucket];
  }

  static KeySelector<Packet, Integer> selector() {
    return packet -> KEYS[packet.bucket];
  }
}
