package example;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.UUID;

import sessiond.payment_types.Currency;
import sessiond.payment_types.Money;
import sessiond.v1.BeginStepResponse;
import sessiond.v1.Session;
import sessiond.v1.SessionEvent;
import sessiond.v1.SessionStatus;

/**
 * One payment with a 3-D Secure challenge, as a shop's server makes it: create the session, send the browser to the bank,
 * find out what it brought back, tell how the payment went on.
 *
 * <p>SESSIOND names the server (127.0.0.1:8080), BANK the simulated bank (http://127.0.0.1:8090). The order's id may be given.
 */
public final class Payment {
    private static final String SHOP = "http://localhost:3000"; // the sandbox takes any address of this machine

    public static void main(String[] arguments) throws Exception {
        String order = arguments.length > 0 ? arguments[0] : UUID.randomUUID().toString();

        try (Sessiond sessiond = new Sessiond(setting("SESSIOND", "127.0.0.1:8080"), order)) {
            pay(sessiond, order);
        } catch (Refusal refusal) {
            System.err.println(refusal.getMessage());
            System.exit(1);
        }
    }

    private static void pay(Sessiond sessiond, String order) throws Exception {
        Money amount = Money.newBuilder().setMinorAmount(12900).setCurrency(Currency.EUR).build();

        // Until an answer has come nobody can know whether the session is there. The same call again is always right.
        System.out.println("created    " + sessiond.create(amount) + " " + order);
        System.out.println("created    " + sessiond.create(amount) + " " + order + ", as after a lost answer");

        BeginStepResponse step = sessiond.beginStep("three_ds_challenge", SHOP + "/orders/" + order);
        System.out.println("sent away  " + step.getSession().getStatus());
        URI cameTo = new Browser(Sessiond.USER_AGENT).challenge(setting("BANK", "http://127.0.0.1:8090"), form(step, order), "1234");
        System.out.println("came back  " + cameTo);

        // That the browser is here proves nothing: what it brought lies in the session.
        Session session = sessiond.get();
        if (session.getStatus() != SessionStatus.SESSION_STATUS_RETURNED || !passed(session)) {
            end(sessiond.tell(SessionEvent.SESSION_EVENT_FAILED));
            return;
        }
        sessiond.tell(SessionEvent.SESSION_EVENT_CHALLENGE_PASSED); // a new token, the old one ends
        sessiond.tell(SessionEvent.SESSION_EVENT_PROCESSING_STARTED); // from here on it cannot be taken back, nor expire
        // Here the shop asks its connector to pay, under an idempotency key made of the order's id.
        end(sessiond.tell(SessionEvent.SESSION_EVENT_COMPLETED));

        // What does not fit any more is refused, with a reason that a program can go by.
        try {
            sessiond.beginStep("too_late", SHOP + "/orders/" + order);
        } catch (Refusal refusal) {
            System.out.println("refused    " + refusal.getMessage());
        }
    }

    private static void end(Session session) {
        System.out.println("ended      " + session.getStatus() + ", version " + session.getVersion());
    }

    /** What the shop's page makes the browser post to the bank. The handle opens nothing: it may go through anybody's hands. */
    private static Map<String, String> form(BeginStepResponse step, String order) {
        String creq = "{\"messageType\":\"CReq\",\"messageVersion\":\"2.2.0\",\"threeDSServerTransID\":\"%s\"}"
                .formatted(step.getSession().getSessionId());

        return Map.of(
                "termUrl", step.getReturnUrl(),
                "creq", Base64.getUrlEncoder().withoutPadding().encodeToString(creq.getBytes(StandardCharsets.UTF_8)),
                "threeDSSessionData", step.getStepHandle(),
                "merchantName", "Lakeside Outfitters",
                "purchase", "order " + order);
    }

    /** Only the connector can judge this; a shop hands on what the browser brought. The simulated bank says it plainly. */
    private static boolean passed(Session session) {
        String cres = session.getRedirectResult().getPayloadMap().getOrDefault("cres", "");

        return new String(Base64.getUrlDecoder().decode(cres), StandardCharsets.UTF_8).contains("\"transStatus\":\"Y\"");
    }

    private static String setting(String name, String usual) {
        return System.getenv().getOrDefault(name, usual);
    }
}
