/* What is passed on is read once, for as long as it is sent again; what is refused is refused each time. */
#include "connector_fixture.h"

#include "config_memo.h"
#include "json.h"

static const char stripe[] = "{\"config\":{\"Stripe\":{\"api_key\":\"secret-b\"}}}";
static const char nameless[] = "{\"config\":{}}";
static const char newcomer[] = "{\"config\":{\"NewComer\":{\"api_key\":\"k\"}}}";
static const char elsewhere[] =
    "{\"config\":{\"Stripe\":{\"api_key\":\"secret-b\",\"base_url\":\"https://evil.example\"}}}";

static unsigned parsed;

enum ses_status __real_ses_json_parse(struct ses_slice text, unsigned depth_max, json_t **ret_json);
enum ses_status __wrap_ses_json_parse(struct ses_slice text, unsigned depth_max, json_t **ret_json);

enum ses_status __wrap_ses_json_parse(struct ses_slice text, unsigned depth_max, json_t **ret_json)
{
    parsed++;
    return __real_ses_json_parse(text, depth_max, ret_json);
}

static const struct ses_connector_policy policy;

struct memo {
    struct fixture f;
    struct ses_connector_config_memo *memo;
};

static void begin(struct memo *m, size_t entries)
{
    fixture_init(&m->f, "stripe", "");
    assert_int_equal(ses_connector_config_memo_new(entries, &m->memo), SES_OK);
    parsed = 0;
}

static void end(struct memo *m)
{
    ses_connector_config_memo_free(m->memo);
    fixture_done(&m->f);
}

/* The connector's name; "": it names none; NULL: refused. */
static const char *check(struct memo *m, const char *config)
{
    const struct ses_connector *connector = NULL;

    if (ses_connector_config_check(&policy, m->memo, text(config), &m->f.arena, &connector, &m->f.error) !=
        SES_OK)
        return NULL;
    return connector == NULL ? "" : connector->name;
}

static void a_good_one_is_read_once(void **state)
{
    struct memo m;

    (void)state;
    begin(&m, 4);
    for (unsigned i = 0; i < 5; i++) {
        assert_string_equal(check(&m, stripe), "stripe");
        assert_string_equal(check(&m, nameless), "");
        ses_arena_reset(&m.f.arena);
    }
    assert_int_equal(parsed, 2);
    end(&m);
}

static void a_refused_one_is_refused_each_time(void **state)
{
    struct memo m;

    (void)state;
    begin(&m, 4);
    for (unsigned i = 1; i <= 3; i++) {
        assert_null(check(&m, elsewhere));
        assert_int_equal(m.f.error.reason, SES_REASON_BASE_URL_REFUSED);
        assert_null(check(&m, "{"));
        assert_int_equal(m.f.error.reason, SES_REASON_INVALID_CONNECTOR_CONFIG_JSON);
        assert_int_equal(parsed, 2 * i);
        assert_string_equal(check(&m, stripe), "stripe");
        parsed = 2 * i;
    }
    end(&m);
}

/* Its row dies with the call's arena. */
static void a_newcomer_is_not_kept(void **state)
{
    struct memo m;

    (void)state;
    begin(&m, 4);
    for (unsigned i = 1; i <= 3; i++) {
        assert_string_equal(check(&m, newcomer), "new_comer");
        assert_int_equal(parsed, i);
        ses_arena_reset(&m.f.arena);
    }
    end(&m);
}

static void the_oldest_goes(void **state)
{
    static const char other[] = "{\"config\":{\"Adyen\":{\"api_key\":\"a\"}}}";
    struct memo m;

    (void)state;
    begin(&m, 1);
    for (unsigned i = 1; i <= 3; i++) {
        assert_string_equal(check(&m, stripe), "stripe");
        assert_string_equal(check(&m, other), "adyen");
        assert_int_equal(parsed, 2 * i);
    }
    end(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read_once),
        cmocka_unit_test(a_refused_one_is_refused_each_time),
        cmocka_unit_test(a_newcomer_is_not_kept),
        cmocka_unit_test(the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
