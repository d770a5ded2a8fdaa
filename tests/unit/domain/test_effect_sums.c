/* What captures, voids and refunds leave of a payment, by how each of them stands. */
#include <sessiond/domain/effect_sums.h>
#include <sessiond/domain/payment_status.h>

#include "unit.h"

#define NOW  1000u
#define PAID 10000

struct book {
    struct ses_effect effects[SES_EFFECTS_MAX];
    struct ses_session session;
};

static struct ses_effect *enter(struct book *book, const char *method, int64_t amount,
                                enum ses_effect_state state, uint32_t payment_status)
{
    struct ses_effect *effect = &book->effects[book->session.effects_count++];

    *effect = (struct ses_effect){.method = ses_slice_str(method),
                                  .merchant_id = SES_STR("x"),
                                  .until_ms = NOW + 100,
                                  .minor_amount = amount,
                                  .amount_present = amount != 0,
                                  .state = state,
                                  .payment_status = payment_status};
    return effect;
}

static void pay(struct book *book, uint32_t payment_status)
{
    struct ses_effect *paid =
        enter(book, "types.PaymentService/Authorize", PAID, SES_EFFECT_ANSWERED, payment_status);

    paid->pays = true;
    paid->event = SES_EVENT_COMPLETED;
}

static void begin(struct book *book)
{
    book->session =
        (struct ses_session){.status = SES_SESSION_COMPLETED, .minor_amount = PAID, .effects = book->effects};
}

static void capture(struct book *book, int64_t amount, enum ses_effect_state state, uint32_t status)
{
    (void)enter(book, "types.PaymentService/Capture", amount, state, status);
}

static void refund(struct book *book, int64_t amount, enum ses_effect_state state, uint32_t status)
{
    (void)enter(book, "types.PaymentService/Refund", amount, state, status);
}

static void left(const struct book *book, int64_t capturable, int64_t refundable)
{
    struct ses_effect_sums sums;

    ses_effect_sum(&book->session, NOW, &sums);
    assert_int_equal(sums.capturable, capturable);
    assert_int_equal(sums.refundable, refundable);
}

static void test_of_a_payment_by_itself(void **state)
{
    static const struct {
        uint32_t status;
        int64_t capturable, refundable;
    } cases[] = {
        {SES_PAYMENT_AUTHORIZED, PAID, 0},
        {SES_PAYMENT_PARTIALLY_AUTHORIZED, PAID, 0},
        {SES_PAYMENT_CHARGED, 0, PAID},
        {SES_PAYMENT_PARTIAL_CHARGED, PAID, PAID}, /* how much is not told: the connector knows */
    };
    struct book book;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&book);
        pay(&book, cases[i].status);
        left(&book, cases[i].capturable, cases[i].refundable);
    }
    begin(&book); /* made elsewhere, or told by an event */
    left(&book, PAID, PAID);
    book.session.status = SES_SESSION_PROCESSING;
    left(&book, PAID, 0);
}

static void test_as_much_as_was_told(void **state)
{
    static const struct {
        uint32_t status;
        int64_t authorized, captured;
        int64_t capturable, refundable;
    } cases[] = {
        {SES_PAYMENT_PARTIALLY_AUTHORIZED, 6000, 0, 6000, 0},
        {SES_PAYMENT_AUTHORIZED, 6000, 0, 6000, 0},
        {SES_PAYMENT_AUTHORIZED, 0, 6000, PAID, 0},
        {SES_PAYMENT_CHARGED, 6000, 0, 0, 6000},
        {SES_PAYMENT_CHARGED, 0, 6000, 0, 6000},
        {SES_PAYMENT_CHARGED, 5000, 6000, 0, 5000},
        {SES_PAYMENT_PARTIAL_CHARGED_AND_CHARGEABLE, 0, 3000, 7000, 3000},
        {SES_PAYMENT_PARTIAL_CHARGED, 8000, 3000, 5000, 3000},
        {SES_PAYMENT_PARTIAL_CHARGED, 8000, 0, 8000, 8000},
        {SES_PAYMENT_CHARGED, INT64_MAX, INT64_MAX, 0, PAID},
        {SES_PAYMENT_CHARGED, -1, INT64_MIN, 0, PAID}, /* a record of somebody else's */
    };
    struct book book;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(&book);
        pay(&book, cases[i].status);
        book.effects[0].authorized = cases[i].authorized;
        book.effects[0].captured = cases[i].captured;
        left(&book, cases[i].capturable, cases[i].refundable);
    }
    begin(&book); /* a void behind a charge of less than was authorized is the return of all of it */
    pay(&book, SES_PAYMENT_CHARGED);
    book.effects[0].captured = 6000;
    (void)enter(&book, "types.PaymentService/Void", 0, SES_EFFECT_ANSWERED, SES_PAYMENT_VOIDED);
    left(&book, 0, 0);
    begin(&book);
    pay(&book, SES_PAYMENT_PARTIALLY_AUTHORIZED);
    book.effects[0].authorized = 6000;
    capture(&book, 6000, SES_EFFECT_ANSWERED, SES_PAYMENT_CHARGED);
    left(&book, 0, 6000);
    (void)enter(&book, "types.PaymentService/Void", 0, SES_EFFECT_ANSWERED, SES_PAYMENT_VOIDED);
    left(&book, 0, 0);
}

static void test_captures_add_up(void **state)
{
    struct book book;

    (void)state;
    begin(&book);
    pay(&book, SES_PAYMENT_AUTHORIZED);
    capture(&book, 3000, SES_EFFECT_ANSWERED, SES_PAYMENT_CHARGED);
    left(&book, 7000, 3000);
    capture(&book, 2000, SES_EFFECT_UNKNOWN, 0);
    left(&book, 5000, 3000); /* taken, and not there to be returned */
    capture(&book, 1000, SES_EFFECT_RUNS, 0);
    left(&book, 4000, 3000);
    capture(&book, 1000, SES_EFFECT_ANSWERED, 13); /* CAPTURE_INITIATED */
    left(&book, 3000, 3000);
    capture(&book, 9000, SES_EFFECT_ANSWERED, SES_PAYMENT_CAPTURE_FAILED);
    left(&book, 3000, 3000);
    capture(&book, 9000, SES_EFFECT_ANSWERED, 0);
    book.effects[book.session.effects_count - 1].grpc_status = 3; /* refused */
    left(&book, 3000, 3000);
    capture(&book, 3000, SES_EFFECT_SETTLED, SES_PAYMENT_CHARGED);
    left(&book, 0, 6000);
    capture(&book, INT64_MAX, SES_EFFECT_SETTLED, SES_PAYMENT_CHARGED);
    left(&book, 0, INT64_MAX);
}

static void test_refunds_add_up(void **state)
{
    struct book book;

    (void)state;
    begin(&book);
    pay(&book, SES_PAYMENT_CHARGED);
    refund(&book, 1000, SES_EFFECT_ANSWERED, SES_REFUND_SUCCESS);
    left(&book, 0, 9000);
    refund(&book, 1000, SES_EFFECT_ANSWERED, 3); /* pending */
    refund(&book, 1000, SES_EFFECT_UNKNOWN, 0);
    refund(&book, 1000, SES_EFFECT_RUNS, 0);
    left(&book, 0, 6000);
    refund(&book, 5000, SES_EFFECT_SETTLED, SES_REFUND_FAILURE);
    refund(&book, 5000, SES_EFFECT_ANSWERED, SES_REFUND_TRANSACTION_FAILURE);
    left(&book, 0, 6000);
}

static void test_a_void_takes_what_is_left(void **state)
{
    struct book book;

    (void)state;
    begin(&book);
    pay(&book, SES_PAYMENT_AUTHORIZED);
    capture(&book, 4000, SES_EFFECT_ANSWERED, SES_PAYMENT_CHARGED);
    (void)enter(&book, "types.PaymentService/Void", 0, SES_EFFECT_ANSWERED, SES_PAYMENT_VOID_FAILED);
    left(&book, 6000, 4000);
    (void)enter(&book, "types.PaymentService/Void", 0, SES_EFFECT_UNKNOWN, 0);
    left(&book, 0, 4000);
    (void)enter(&book, "types.PaymentService/Void", 0, SES_EFFECT_ANSWERED, SES_PAYMENT_VOIDED_POST_CAPTURE);
    left(&book, 0, 0);
    begin(&book);
    pay(&book, SES_PAYMENT_CHARGED);
    (void)enter(&book, "types.PaymentService/Void", 0, SES_EFFECT_UNKNOWN, 0);
    left(&book, 0, 0);
}

/* A card that was declined, and another one; and one that was declined while nobody knew of the first one. */
static void test_the_payment_that_was_made_counts(void **state)
{
    struct book book;

    (void)state;
    begin(&book);
    pay(&book, SES_PAYMENT_FAILURE);
    book.effects[0].event = SES_EVENT_ATTEMPT_FAILED;
    pay(&book, SES_PAYMENT_AUTHORIZED);
    assert_ptr_equal(ses_effect_paid(&book.session), &book.effects[1]);
    left(&book, PAID, 0);
    begin(&book);
    pay(&book, SES_PAYMENT_CHARGED);
    pay(&book, SES_PAYMENT_FAILURE);
    book.effects[1].event = SES_EVENT_ATTEMPT_FAILED;
    assert_ptr_equal(ses_effect_paid(&book.session), &book.effects[0]);
    left(&book, 0, PAID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_payment_by_itself),
        cmocka_unit_test(test_as_much_as_was_told),
        cmocka_unit_test(test_captures_add_up),
        cmocka_unit_test(test_refunds_add_up),
        cmocka_unit_test(test_a_void_takes_what_is_left),
        cmocka_unit_test(test_the_payment_that_was_made_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
