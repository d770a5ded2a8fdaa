/* Statuses into "was it done?", and that into sums. All of it is worked out anew from the session's effects whenever it is asked
 * for: they are few, none is dropped, and so no sum can differ from what it is made of. */
#include <sessiond/domain/effect_sums.h>

#include <sessiond/domain/payment_status.h>

enum ses_effect_kind ses_effect_kind_of(const struct ses_effect *effect)
{
    static const struct {
        const char *method;
        enum ses_effect_kind kind;
    } rows[] = {
        {"types.PaymentService/Capture", SES_EFFECT_CAPTURE},
        {"types.PaymentService/Void", SES_EFFECT_VOID},
        {"types.PaymentService/Refund", SES_EFFECT_REFUND},
    };

    if (effect->pays)
        return SES_EFFECT_PAYMENT;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (ses_slice_eq_str(effect->method, rows[i].method))
            return rows[i].kind;
    }
    return SES_EFFECT_OTHER;
}

/* ---- was it done? ------------------------------------------------------------------------------ */

static enum ses_effect_made capture_made(uint32_t payment_status)
{
    switch (payment_status) {
    case SES_PAYMENT_CHARGED:
    case SES_PAYMENT_PARTIAL_CHARGED:
    case SES_PAYMENT_PARTIAL_CHARGED_AND_CHARGEABLE:
        return SES_EFFECT_MADE;
    case SES_PAYMENT_CAPTURE_FAILED:
    case SES_PAYMENT_AUTHORIZATION_FAILED:
    case SES_PAYMENT_ROUTER_DECLINED:
    case SES_PAYMENT_VOIDED:
    case SES_PAYMENT_FAILURE:
    case SES_PAYMENT_EXPIRED:
        return SES_EFFECT_NOT_MADE;
    default:
        return SES_EFFECT_PERHAPS_MADE;
    }
}

static enum ses_effect_made void_made(uint32_t payment_status)
{
    switch (payment_status) {
    case SES_PAYMENT_VOIDED:
    case SES_PAYMENT_VOIDED_POST_CAPTURE:
        return SES_EFFECT_MADE;
    case SES_PAYMENT_VOID_FAILED:
    case SES_PAYMENT_FAILURE:
        return SES_EFFECT_NOT_MADE;
    default:
        return SES_EFFECT_PERHAPS_MADE;
    }
}

static enum ses_effect_made refund_made(uint32_t refund_status)
{
    switch (refund_status) {
    case SES_REFUND_SUCCESS:
        return SES_EFFECT_MADE;
    case SES_REFUND_FAILURE:
    case SES_REFUND_TRANSACTION_FAILURE:
        return SES_EFFECT_NOT_MADE;
    default:
        return SES_EFFECT_PERHAPS_MADE;
    }
}

/* An error that is kept as an answer is a refusal: it was not done. */
enum ses_effect_made ses_effect_made(const struct ses_session *session, const struct ses_effect *effect,
                                     uint64_t now_ms)
{
    enum ses_effect_state stands = ses_effect_stands(session, effect, now_ms);

    if (stands == SES_EFFECT_RUNS || stands == SES_EFFECT_UNKNOWN)
        return SES_EFFECT_PERHAPS_MADE;
    if (stands == SES_EFFECT_ANSWERED && effect->grpc_status != 0)
        return SES_EFFECT_NOT_MADE;
    switch (ses_effect_kind_of(effect)) {
    case SES_EFFECT_CAPTURE:
        return capture_made(effect->payment_status);
    case SES_EFFECT_VOID:
        return void_made(effect->payment_status);
    case SES_EFFECT_REFUND:
        return refund_made(effect->payment_status);
    case SES_EFFECT_PAYMENT:
    case SES_EFFECT_OTHER:
        break;
    }
    return SES_EFFECT_PERHAPS_MADE;
}

/* ---- the payment ------------------------------------------------------------------------------- */

struct ses_effect *ses_effect_paid(const struct ses_session *session)
{
    for (unsigned i = session->effects_count; i-- > 0;) {
        struct ses_effect *effect = &session->effects[i];

        if (effect->pays && effect->event == SES_EVENT_COMPLETED)
            return effect;
    }
    return NULL;
}

/* What is told is never more than the bound; nothing is told: all of it. */
static int64_t at_most(int64_t bound, int64_t told)
{
    return told > 0 && told < bound ? told : bound;
}

int64_t ses_effect_authorized(const struct ses_session *session)
{
    const struct ses_effect *paid = ses_effect_paid(session);

    return at_most(session->minor_amount, paid != NULL ? paid->authorized : 0);
}

/* How much the payment itself has captured. Part: as much as it said. Untold: by an event, or by a part whose size is not said. */
enum charged { CHARGED_NOTHING, CHARGED_ALL, CHARGED_PART, CHARGED_UNTOLD };

static enum charged charged_by_payment(const struct ses_session *session, const struct ses_effect *paid)
{
    if (paid == NULL)
        return session->status == SES_SESSION_COMPLETED ? CHARGED_UNTOLD : CHARGED_NOTHING;
    switch (paid->payment_status) {
    case SES_PAYMENT_CHARGED:
        return CHARGED_ALL;
    case SES_PAYMENT_AUTHORIZED:
    case SES_PAYMENT_PARTIALLY_AUTHORIZED:
        return CHARGED_NOTHING;
    default:
        return paid->captured > 0 ? CHARGED_PART : CHARGED_UNTOLD;
    }
}

/* ---- sums -------------------------------------------------------------------------------------- */

struct taken {
    int64_t captured;
    int64_t captured_perhaps;
    int64_t refunded; /* or perhaps */
    bool voided;      /* or perhaps */
    bool voided_after_capture;
};

static void add(int64_t *sum, int64_t amount)
{
    *sum = ses_effect_add(*sum, amount);
}

static void take(struct taken *taken, const struct ses_effect *effect, enum ses_effect_made made)
{
    int64_t amount = effect->amount_present && effect->minor_amount > 0 ? effect->minor_amount : 0;

    switch (ses_effect_kind_of(effect)) {
    case SES_EFFECT_CAPTURE:
        add(made == SES_EFFECT_MADE ? &taken->captured : &taken->captured_perhaps, amount);
        break;
    case SES_EFFECT_REFUND:
        add(&taken->refunded, amount);
        break;
    case SES_EFFECT_VOID:
        taken->voided = true;
        taken->voided_after_capture =
            taken->voided_after_capture || effect->payment_status == SES_PAYMENT_VOIDED_POST_CAPTURE;
        break;
    case SES_EFFECT_PAYMENT:
    case SES_EFFECT_OTHER:
        break;
    }
}

static int64_t less(int64_t amount, int64_t taken)
{
    return taken >= amount ? 0 : amount - taken;
}

/* By the payment itself, of what was authorized. */
static int64_t captured_at_once(const struct ses_effect *paid, enum charged charged, int64_t authorized)
{
    return charged == CHARGED_ALL || charged == CHARGED_PART ? at_most(authorized, paid->captured) : 0;
}

static int64_t captured_in_all(enum charged charged, const struct taken *taken, int64_t authorized,
                               int64_t at_once)
{
    if (charged == CHARGED_ALL)
        return at_once;
    if (charged == CHARGED_UNTOLD && taken->captured == 0)
        return authorized;
    return ses_effect_add(at_once, taken->captured);
}

/* Nothing is left to be captured of a payment that was charged, whatever it was charged with. */
static int64_t in_use(enum charged charged, const struct taken *taken, int64_t authorized, int64_t at_once)
{
    int64_t sum = charged == CHARGED_ALL ? authorized : ses_effect_add(at_once, taken->captured);

    return ses_effect_add(sum, taken->captured_perhaps);
}

void ses_effect_sum(const struct ses_session *session, uint64_t now_ms, struct ses_effect_sums *ret_sums)
{
    const struct ses_effect *paid = ses_effect_paid(session);
    enum charged charged = charged_by_payment(session, paid);
    int64_t authorized = ses_effect_authorized(session);
    int64_t at_once = captured_at_once(paid, charged, authorized);
    struct taken taken = {.captured = 0};

    for (unsigned i = 0; i < session->effects_count; i++) {
        enum ses_effect_made made = ses_effect_made(session, &session->effects[i], now_ms);

        if (made != SES_EFFECT_NOT_MADE)
            take(&taken, &session->effects[i], made);
    }
    ret_sums->authorized = authorized;
    ret_sums->voided = taken.voided;
    ret_sums->captured = captured_in_all(charged, &taken, authorized, at_once);
    ret_sums->capturable = taken.voided ? 0 : less(authorized, in_use(charged, &taken, authorized, at_once));
    if (taken.voided_after_capture ||
        (taken.voided && (charged == CHARGED_ALL || ret_sums->captured >= authorized)))
        taken.refunded = ret_sums->captured;
    ret_sums->refundable = less(ret_sums->captured, taken.refunded);
}
