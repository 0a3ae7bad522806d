package skytrend.flink;

import java.io.IOException;

/** What a native stage could not do: the status by its name in src/base/status.h, and the byte it was found at. */
public final class StageException extends IOException {
  private final String status;
  private final long offset;

  public StageException(String status, long offset, String reason) {
    super(status + " at byte " + offset + (reason.isEmpty() ? "" : ": " + reason));
    this.status = status;
    this.offset = offset;
  }

  public String status() {
    return status;
  }

  public long offset() {
    return offset;
  }
}
