#include "caller_fixture.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>

#define TEXT_SIZE 65536

struct ses_secret caller_hash_key;
char caller_keyed_by[SES_CALLER_KEYED_BY_SIZE];

int caller_group_setup(void **state)
{
    (void)state;
    ses_random_init();
    assert_ok(ses_secret_new(32, &caller_hash_key));
    memset(caller_hash_key.bytes, 7, caller_hash_key.len);
    ses_caller_keyed_by(&caller_hash_key, caller_keyed_by);
    return 0;
}

int caller_group_teardown(void **state)
{
    (void)state;
    ses_secret_free(&caller_hash_key);
    return 0;
}

const char *caller_key(uint64_t id)
{
    static char text[SES_CALLER_KEY_SIZE];
    char digits[SES_CALLER_KEY_ID_LEN + 1];

    ses_caller_key_id_text(id, digits);
    (void)snprintf(text, sizeof(text), SES_CALLER_KEY_PREFIX "%s_%.*s", digits, 43,
                   "0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTE");
    return text;
}

const char *caller_hash(uint64_t id)
{
    static char text[SES_BASE64URL_SIZE(SES_HASH_BYTES)];
    uint8_t hash[SES_HASH_BYTES];

    ses_caller_key_hash(&caller_hash_key, ses_slice_str(caller_key(id)), hash);
    (void)ses_base64url_encode(ses_slice(hash, sizeof(hash)), text);
    return text;
}

const char *caller_text(const char *text)
{
    static char made[TEXT_SIZE];
    size_t len = 0;

    while (*text != '\0') {
        bool keyed = strncmp(text, "KEYED", 5) == 0;
        bool hash = strncmp(text, "HASH", 4) == 0;

        assert_true(len + 64 < sizeof(made));
        if (!keyed && !hash) {
            made[len++] = *text++;
            continue;
        }
        len += (size_t)snprintf(made + len, sizeof(made) - len, "%s",
                                keyed ? caller_keyed_by : caller_hash((uint64_t)(text[4] - '0')));
        text += 5;
    }
    made[len] = '\0';
    return made;
}

struct ses_callers *caller_load(const char *text)
{
    struct ses_callers *callers = NULL;
    struct ses_fault fault = {""};

    if (ses_callers_parse("callers.yaml", ses_slice_str(caller_text(text)), caller_keyed_by, &callers,
                          &fault) != SES_OK)
        fail_msg("%s", fault.text);
    return callers;
}

void caller_expect_fault(const char *text, const char *expected)
{
    struct ses_callers *callers = NULL;
    struct ses_fault fault = {""};
    char whole[SES_FAULT_SIZE];

    (void)snprintf(whole, sizeof(whole), "callers.yaml:%s", expected);
    assert_int_equal(ses_callers_parse("callers.yaml", ses_slice_str(caller_text(text)), caller_keyed_by,
                                       &callers, &fault),
                     SES_MALFORMED);
    if (strncmp(fault.text, whole, strlen(whole)) != 0)
        fail_msg("'%s' instead of '%s'", fault.text, whole);
}
