package skytrend.flink;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Packets between tasks: kind, bucket, time, length, bytes. A packet is never changed, so that a copy is itself. */
public final class PacketSerializer extends TypeSerializerSingleton<Packet> {
  public static final PacketSerializer INSTANCE = new PacketSerializer();

  @Override
  public boolean isImmutableType() {
    return true;
  }

  @Override
  public Packet createInstance() {
    return new Packet((byte) 0, 0, 0, new byte[0]);
  }

  @Override
  public Packet copy(Packet from) {
    return from;
  }

  @Override
  public Packet copy(Packet from, Packet reuse) {
    return from;
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public void serialize(Packet packet, DataOutputView target) throws IOException {
    target.writeByte(packet.kind);
    target.writeInt(packet.bucket);
    target.writeLong(packet.timeMs);
    target.writeInt(packet.entries.length);
    target.write(packet.entries);
  }

  @Override
  public Packet deserialize(DataInputView source) throws IOException {
    byte kind = source.readByte();
    int bucket = source.readInt();
    long timeMs = source.readLong();
    byte[] entries = new byte[source.readInt()];
    source.readFully(entries);
    return new Packet(kind, bucket, timeMs, entries);
  }

  @Override
  public Packet deserialize(Packet reuse, DataInputView source) throws IOException {
    return deserialize(source);
  }

  @Override
  public void copy(DataInputView source, DataOutputView target) throws IOException {
    serialize(deserialize(source), target);
  }

  @Override
  public TypeSerializerSnapshot<Packet> snapshotConfiguration() {
    return new Snapshot();
  }

  /** Needed by Flink to make the serializer again. */
  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Packet> {
    public Snapshot() {
      super(() -> INSTANCE);
    }
  }
}
