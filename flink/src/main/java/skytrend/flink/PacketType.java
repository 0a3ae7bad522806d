package skytrend.flink;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** The type of {@link Packet}, so that Flink does not reflect on it. */
public final class PacketType extends TypeInformation<Packet> {
  public static final PacketType INSTANCE = new PacketType();

  @Override
  public boolean isBasicType() {
    return false;
  }

  @Override
  public boolean isTupleType() {
    return false;
  }

  @Override
  public int getArity() {
    return 1;
  }

  @Override
  public int getTotalFields() {
    return 1;
  }

  @Override
  public Class<Packet> getTypeClass() {
    return Packet.class;
  }

  @Override
  public boolean isKeyType() {
    return false;
  }

  @Override
  public TypeSerializer<Packet> createSerializer(SerializerConfig config) {
    return PacketSerializer.INSTANCE;
  }

  @Override
  public String toString() {
    return "Packet";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PacketType;
  }

  @Override
  public int hashCode() {
    return PacketType.class.hashCode();
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof PacketType;
  }
}
