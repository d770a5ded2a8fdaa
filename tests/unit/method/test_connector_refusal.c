/* A connector's refusal as a status: whatever it says, it fits into trailers, and its texts stay UTF-8. */
#include "unit.h"

#include <sessiond/exchange/exchange.h>

#include "connector_refusal.h"

#define TEXT_BYTES  2048
#define DETAILS_MAX 4096 /* SES_GRPC_DETAILS_MAX of http/grpc_trailers.h, in base64 */

/* A letter and then four bytes a character, so that every limit falls inside one. */
static struct ses_slice long_text(struct ses_arena *arena)
{
    uint8_t *text = ses_arena_alloc(arena, TEXT_BYTES + 1);

    assert_non_null(text);
    text[0] = 'a';
    for (size_t i = 1; i < TEXT_BYTES; i += 4)
        memcpy(text + i, "\xf0\x9f\x92\xb3", 4);
    return ses_slice(text, TEXT_BYTES + 1);
}

static void test_the_longest_fits_into_trailers(void **state)
{
    struct ses_arena arena;
    struct ses_error error;
    struct ses_slice bytes;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    for (int outcome = SES_OUTCOME_DECLINED; outcome < SES_OUTCOME_COUNT; outcome++) {
        struct ses_slice text = long_text(&arena);
        struct ses_connector_result result = {.outcome = (enum ses_connector_outcome)outcome,
                                              .status_code = 599,
                                              .code = text,
                                              .message = text,
                                              .reason = text,
                                              .network_decline_code = text,
                                              .network_advice_code = text,
                                              .network_error_message = text,
                                              .connector_transaction_id = text};

        for (int older = 0; older < 2; older++) {
            ses_connector_refusal(&result, ses_connector_by_name(SES_STR("fiservcommercehub")),
                                  older != 0 ? "Session Token" : NULL, &arena, &error);
            assert_int_equal(ses_error_encode_status(&error, &arena, &bytes), SES_OK);
            assert_true((bytes.len + 2) / 3 * 4 <= DETAILS_MAX);
            assert_true(ses_utf8_check(error.message));
            for (size_t i = 0; i < error.metadata_count; i++)
                assert_true(ses_utf8_check(error.metadata[i].value));
            assert_int_equal(error.details_count, 1);
        }
    }
    ses_arena_done(&arena);
}

static void test_without_memory_the_status_is_told(void **state)
{
    struct ses_connector_result result = {
        .outcome = SES_OUTCOME_DECLINED, .status_code = 404, .message = SES_STR("no such merchant")};
    struct ses_arena arena;
    struct ses_error error;

    (void)state;
    ses_arena_init(&arena, 1);
    ses_connector_refusal(&result, ses_connector_by_name(SES_STR("nuvei")), NULL, &arena, &error);
    assert_int_equal(error.status, SES_NOT_FOUND);
    assert_int_equal(error.reason, SES_REASON_CONNECTOR_DECLINED);
    assert_true(ses_slice_eq_str(error.message, "no such merchant"));
    assert_int_equal(error.details_count, 0);
    ses_connector_refusal(&result, ses_connector_by_name(SES_STR("nuvei")), "Session Token", &arena, &error);
    assert_int_equal(error.status, SES_INTERNAL);
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_longest_fits_into_trailers),
        cmocka_unit_test(test_without_memory_the_status_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
