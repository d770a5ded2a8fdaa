package example;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;

import io.grpc.ClientInterceptor;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.AbstractStub;
import io.grpc.stub.MetadataUtils;

import sessiond.payment_types.BrowserInformation;
import sessiond.payment_types.MerchantAuthenticationServiceCreateSessionTokenRequest;
import sessiond.payment_types.MerchantAuthenticationServiceCreateSessionTokenResponse;
import sessiond.payment_types.MerchantAuthenticationServiceGrpc;
import sessiond.payment_types.MerchantAuthenticationServiceGrpc.MerchantAuthenticationServiceBlockingStub;
import sessiond.payment_types.Money;
import sessiond.v1.AdvanceSessionRequest;
import sessiond.v1.AdvanceSessionResponse;
import sessiond.v1.BeginStepRequest;
import sessiond.v1.BeginStepResponse;
import sessiond.v1.GetSessionRequest;
import sessiond.v1.Session;
import sessiond.v1.SessionEvent;
import sessiond.v1.SessionServiceGrpc;
import sessiond.v1.SessionServiceGrpc.SessionServiceBlockingStub;

/** The session of one order. Its token stays here: whoever has it may go on with the payment. */
final class Sessiond implements AutoCloseable {
    static final String USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) example";

    private static final int DEADLINE_SECONDS = 20; // of one call, all of its attempts together

    /** Which connector is to be paid by, and as whom. Real credentials come from a secret store. */
    private static final Map<String, String> CONNECTOR = Map.of(
            "x-connector", "stripe",
            "x-connector-config", "{\"config\":{\"Stripe\":{\"api_key\":\"sk_test_x\"}}}");

    /**
     * The library repeats by itself what was lost on its way or came while a worker was being replaced, and waits as long as the
     * server asks for. Nothing happens twice by that: creates are known by merchant_session_id, all other calls by event_id.
     */
    private static final Map<String, ?> REPEAT = Map.of("methodConfig", List.of(Map.of(
            "name", List.of(Map.of()),
            "retryPolicy", Map.of(
                    "maxAttempts", 5.0,
                    "initialBackoff", "0.2s",
                    "maxBackoff", "2s",
                    "backoffMultiplier", 2.0,
                    "retryableStatusCodes", List.of("UNAVAILABLE", "ABORTED")))));

    private final ManagedChannel channel;
    private final MerchantAuthenticationServiceBlockingStub creating;
    private final SessionServiceBlockingStub sessions;
    private final AtomicReference<Metadata> told = new AtomicReference<>(); // the metadata of the last create's answer
    private final String order;
    private String token = "";

    /** Plain text, as a sandbox takes it; elsewhere TlsChannelCredentials, and a caller's key in the metadata. */
    Sessiond(String address, String order) {
        this.order = order;
        channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create())
                .defaultServiceConfig(REPEAT)
                .build();
        ClientInterceptor connector = MetadataUtils.newAttachHeadersInterceptor(metadata(CONNECTOR));
        ClientInterceptor ears = MetadataUtils.newCaptureMetadataInterceptor(told, new AtomicReference<>());
        creating = MerchantAuthenticationServiceGrpc.newBlockingStub(channel).withInterceptors(connector, ears);
        sessions = SessionServiceGrpc.newBlockingStub(channel);
    }

    @Override
    public void close() throws InterruptedException {
        channel.shutdown().awaitTermination(5, TimeUnit.SECONDS);
    }

    /** "new", or "known": then an earlier call has made it, and this one has changed nothing. */
    String create(Money amount) {
        MerchantAuthenticationServiceCreateSessionTokenRequest request =
                MerchantAuthenticationServiceCreateSessionTokenRequest.newBuilder()
                        .setMerchantSessionId(order)
                        .setAmount(amount)
                        .setBrowserInfo(BrowserInformation.newBuilder().setUserAgent(USER_AGENT).setAcceptLanguage("en"))
                        .setTestMode(true)
                        .build();
        MerchantAuthenticationServiceCreateSessionTokenResponse answer = call(creating, stub -> stub.createSessionToken(request));

        if (answer.hasError()) { // the connector's no is an answer, sessiond's is a status
            throw new Refusal(answer.getStatusCode(), answer.getError());
        }
        token = answer.getSessionToken();
        Metadata.Key<String> replayed = Metadata.Key.of("x-session-replayed", Metadata.ASCII_STRING_MARSHALLER);
        return told.get().containsKey(replayed) ? "known" : "new";
    }

    /** The step's address for the bank, and the handle that belongs to it. */
    BeginStepResponse beginStep(String name, String returnUrl) {
        BeginStepRequest request = BeginStepRequest.newBuilder()
                .setSessionToken(token)
                .setMerchantSessionId(order)
                .setTestMode(true)
                .setName(name)
                .setReturnUrl(returnUrl)
                .setEventId(name + "-" + order)
                .build();
        BeginStepResponse answer = call(sessions, stub -> stub.beginStep(request));

        keep(answer.getSessionToken());
        return answer;
    }

    /** The session as it stands, asked for on behalf of the browser that has come back: it must be the one that left. */
    Session get() {
        GetSessionRequest.Builder request = GetSessionRequest.newBuilder()
                .setSessionToken(token)
                .setMerchantSessionId(order)
                .setTestMode(true);

        request.getBrowserInfoBuilder().setUserAgent(USER_AGENT).setAcceptLanguage("en");
        return call(sessions, stub -> stub.getSession(request.build())).getSession();
    }

    Session tell(SessionEvent event) {
        AdvanceSessionRequest request = AdvanceSessionRequest.newBuilder()
                .setSessionToken(token)
                .setMerchantSessionId(order)
                .setTestMode(true)
                .setEvent(event)
                .setEventId(event + "-" + order)
                .build();
        AdvanceSessionResponse answer = call(sessions, stub -> stub.advanceSession(request));

        keep(answer.getSessionToken());
        System.out.println("told       " + event + ": " + answer.getOutcome());
        return answer.getSession();
    }

    /** Some answers bring a newer token; the older one is refused sooner or later. */
    private void keep(String newer) {
        if (!newer.isEmpty()) {
            token = newer;
        }
    }

    private static <S extends AbstractStub<S>, T> T call(S stub, Function<S, T> method) {
        try {
            return method.apply(stub.withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS));
        } catch (StatusRuntimeException error) {
            throw new Refusal(error);
        }
    }

    private static Metadata metadata(Map<String, String> values) {
        Metadata metadata = new Metadata();

        values.forEach((name, value) -> metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value));
        return metadata;
    }
}
