package example;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;

/** A call that did not bring what it was made for, in one line: code, reason, sentence. */
final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** By sessiond, or lost on its way. */
    Refusal(StatusRuntimeException error) {
        super("%s (%s): %s".formatted(error.getStatus().getCode(), reason(error), error.getStatus().getDescription()), error);
    }

    /** By the connector: it was asked, and this is what came of it. */
    Refusal(int status, sessiond.payment_types.ErrorInfo error) {
        super("connector %d (%s): %s".formatted(status, error.getUnifiedDetails().getCode(), error.getConnectorDetails().getMessage()));
    }

    /** The word that stays the same from version to version, with what it is about, and the fields that are wrong. */
    private static String reason(StatusRuntimeException error) {
        StringBuilder reason = new StringBuilder();
        StringBuilder fields = new StringBuilder();

        try {
            for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
                if (detail.is(ErrorInfo.class)) {
                    ErrorInfo info = detail.unpack(ErrorInfo.class);
                    reason.append(info.getReason());
                    info.getMetadataMap().forEach((key, value) -> reason.append(" %s=%s".formatted(key, value)));
                } else if (detail.is(BadRequest.class)) {
                    detail.unpack(BadRequest.class).getFieldViolationsList()
                            .forEach(field -> fields.append(", %s %s".formatted(field.getField(), field.getDescription())));
                }
            }
        } catch (InvalidProtocolBufferException unreadable) {
            return "details that cannot be read";
        }
        return (reason.isEmpty() ? "no reason" : reason.toString()) + fields;
    }
}
