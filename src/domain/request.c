/* The limits as rows, a sentence each, and the loop that asks them. All violations are told at once: a caller
 * who mends one at a time would need as many calls.
 */
#include <sessiond/domain/request.h>

#include <sessiond/base/little.h>
#include <sessiond/domain/json_check.h>
#include <sessiond/domain/money.h>

/* ---- limits ---------------------------------------------------------------------------------- */

enum text_kind {
    TEXT_NAME,      /* printable, and not only blanks */
    TEXT_PRINTABLE, /* UTF-8 without control, format and unassigned characters */
    TEXT_ANY,       /* UTF-8; line breaks are fine */
    TEXT_JSON,
    TEXT_IP,
    TEXT_BYTES /* an encoded message */
};

/* One sentence per row, so that the text always tells the number that holds. */
#define TEXT(field, kind, min, max, sentence) [SES_FIELD_##field] = {kind, min, max, SES_STR_INIT(sentence)}

static const struct {
    enum text_kind kind;
    size_t bytes_min;
    size_t bytes_max;
    struct ses_slice rule;
} text_rules[SES_FIELD_TEXTS] = {
    TEXT(MERCHANT_SESSION_ID, TEXT_NAME, 1, SES_SESSION_NAME_BYTES_MAX,
         "must be 1 to 255 bytes of printable UTF-8"),
    TEXT(METADATA, TEXT_ANY, 0, SES_METADATA_BYTES_MAX, "must be at most 16384 bytes of UTF-8"),
    TEXT(FEATURE_DATA, TEXT_JSON, 0, SES_METADATA_BYTES_MAX,
         "must be JSON of at most 16384 bytes, nested at most 64 deep"),
    TEXT(STATE_TOKEN, TEXT_PRINTABLE, 1, 8192, "must be 1 to 8192 bytes of printable UTF-8"),
    TEXT(STATE_TOKEN_TYPE, TEXT_PRINTABLE, 0, 64, "must be at most 64 bytes of printable UTF-8"),
    TEXT(STATE_CUSTOMER, TEXT_NAME, 1, 255, "must be 1 to 255 bytes of printable UTF-8"),
    TEXT(LANGUAGE, TEXT_PRINTABLE, 0, 64, "must be at most 64 bytes of printable UTF-8"),
    TEXT(ACCEPT_HEADER, TEXT_PRINTABLE, 0, 2048, "must be at most 2048 bytes of printable UTF-8"),
    TEXT(USER_AGENT, TEXT_PRINTABLE, 0, 2048, "must be at most 2048 bytes of printable UTF-8"),
    TEXT(ACCEPT_LANGUAGE, TEXT_PRINTABLE, 0, 512, "must be at most 512 bytes of printable UTF-8"),
    TEXT(REFERER, TEXT_PRINTABLE, 0, 2048, "must be at most 2048 bytes of printable UTF-8"),
    TEXT(IP_ADDRESS, TEXT_IP, 0, 45, "must be an IPv4 or IPv6 address"),
    TEXT(OS_TYPE, TEXT_PRINTABLE, 0, SES_OS_TYPE_BYTES_MAX, "must be at most 64 bytes of printable UTF-8"),
    TEXT(OS_VERSION, TEXT_PRINTABLE, 0, 64, "must be at most 64 bytes of printable UTF-8"),
    TEXT(DEVICE_MODEL, TEXT_PRINTABLE, 0, 128, "must be at most 128 bytes of printable UTF-8"),
    TEXT(CUSTOMER, TEXT_BYTES, 0, 4096, "must be at most 4096 bytes"),
    TEXT(ADDRESS, TEXT_BYTES, 0, 8192, "must be at most 8192 bytes"),
};

#define NUMBER(field, min, max, sentence)                                                                    \
    [SES_FIELD_##field - SES_FIELD_TEXTS] = {min, max, SES_STR_INIT(sentence)}

static const struct {
    int64_t min;
    int64_t max;
    struct ses_slice rule;
} number_rules[SES_FIELD_NUMBERS] = {
    NUMBER(MINOR_AMOUNT, 0, INT64_MAX, "must not be negative"),
    NUMBER(CURRENCY, 1, INT64_MAX, "is required"),
    NUMBER(STATE_EXPIRES_IN, 0, 315360000, "must be 0 to 315360000 seconds (ten years)"),
    NUMBER(COLOR_DEPTH, 0, 255, "must be 0 to 255"),
    NUMBER(SCREEN_HEIGHT, 0, 999999, "must be 0 to 999999"), /* EMV 3-D Secure: six digits */
    NUMBER(SCREEN_WIDTH, 0, 999999, "must be 0 to 999999"),
    NUMBER(JAVA_ENABLED, 0, 1, "must be true or false"),
    NUMBER(JAVA_SCRIPT_ENABLED, 0, 1, "must be true or false"),
    NUMBER(TIME_ZONE_OFFSET, -1440, 1440, "must be -1440 to 1440"),
};

struct ses_field_limit ses_request_limit(enum ses_field field)
{
    static const char *const forms[] = {
        [TEXT_NAME] = "name", [TEXT_PRINTABLE] = "printable", [TEXT_ANY] = "any", [TEXT_JSON] = "json",
        [TEXT_IP] = "ip",     [TEXT_BYTES] = "bytes",
    };
    unsigned row = (unsigned)field - SES_FIELD_TEXTS;

    SES_REQUIRE((unsigned)field < SES_FIELD_TEXTS + SES_FIELD_NUMBERS);
    if ((unsigned)field < SES_FIELD_TEXTS)
        return (struct ses_field_limit){forms[text_rules[field].kind], (int64_t)text_rules[field].bytes_min,
                                        (int64_t)text_rules[field].bytes_max, text_rules[field].rule};
    return (struct ses_field_limit){NULL, number_rules[row].min, number_rules[row].max,
                                    number_rules[row].rule};
}

/* ---- the check ------------------------------------------------------------------------------- */

struct check {
    const struct ses_session_request *request;
    enum ses_naming naming;
    struct ses_error *error;
    bool failed;
};

static bool has(const struct ses_session_request *request, enum ses_field field)
{
    return (request->present & SES_FIELD_BIT(field)) != 0;
}

static void violate(struct check *check, enum ses_field field, struct ses_slice description)
{
    if (!check->failed)
        *check->error = (struct ses_error){.status = SES_OK};
    check->failed = true;
    ses_error_violation(check->error, ses_field_path(check->naming, field), description);
}

static bool text_kind_check(enum text_kind kind, struct ses_slice text)
{
    char prefix[SES_IP_PREFIX_SIZE];

    switch (kind) {
    case TEXT_NAME:
        return ses_utf8_name_check(text);
    case TEXT_PRINTABLE:
        return ses_utf8_printable_check(text);
    case TEXT_ANY:
        return ses_utf8_check(text);
    case TEXT_JSON:
        return ses_utf8_check(text) && ses_json_check(text);
    case TEXT_IP:
        return ses_ip_prefix(text, prefix);
    case TEXT_BYTES:
        break;
    }
    return true;
}

bool ses_request_text_check(enum ses_field field, struct ses_slice text)
{
    SES_REQUIRE((unsigned)field < SES_FIELD_TEXTS);
    return text.len >= text_rules[field].bytes_min && text.len <= text_rules[field].bytes_max &&
           text_kind_check(text_rules[field].kind, text);
}

static void check_text(struct check *check, enum ses_field field)
{
    if (!ses_request_text_check(field, check->request->text[field]))
        violate(check, field, text_rules[field].rule);
}

static void check_number(struct check *check, enum ses_field field)
{
    unsigned row = (unsigned)field - SES_FIELD_TEXTS;
    int64_t number = check->request->number[row];

    if (number < number_rules[row].min || number > number_rules[row].max)
        violate(check, field, number_rules[row].rule);
}

static void check_currency(struct check *check)
{
    int64_t number = check->request->number[SES_FIELD_CURRENCY - SES_FIELD_TEXTS];
    const struct ses_currency *currency = ses_currency_by_number(number);

    if (number == 0)
        violate(check, SES_FIELD_CURRENCY, SES_STR("is required"));
    else if (currency == NULL)
        violate(check, SES_FIELD_CURRENCY, SES_STR("is not a known currency"));
    else if (!currency->accepted)
        violate(check, SES_FIELD_CURRENCY, SES_STR("is a currency that is not supported"));
}

/* What must be there whatever the call: the name of the session, and a token in what calls itself one. */
static void check_parts(struct check *check)
{
    const struct ses_session_request *request = check->request;

    if (!has(request, SES_FIELD_MERCHANT_SESSION_ID))
        violate(check, SES_FIELD_MERCHANT_SESSION_ID, SES_STR("is required"));
    if (has(request, SES_FIELD_STATE_ACCESS_TOKEN) && !has(request, SES_FIELD_STATE_TOKEN))
        violate(check, SES_FIELD_STATE_TOKEN, SES_STR("is required in an access token"));
}

static void check_required(struct check *check)
{
    const struct ses_session_request *request = check->request;

    if (!has(request, SES_FIELD_PAYMENT))
        violate(check, SES_FIELD_PAYMENT, SES_STR("is required"));
    else if (!has(request, SES_FIELD_AMOUNT))
        violate(check, SES_FIELD_AMOUNT, SES_STR("is required"));
    else
        check_currency(check);
}

/* Every field that is present, by the bits: absent ones cost nothing. The currency has rules of its own. */
static void check_fields(struct check *check)
{
    const struct ses_session_request *request = check->request;
    uint64_t rest = request->present & (SES_FIELD_BIT(SES_FIELD_TEXTS + SES_FIELD_NUMBERS) - 1) &
                    ~SES_FIELD_BIT(SES_FIELD_CURRENCY);

    for (; rest != 0; rest &= rest - 1) {
        enum ses_field field = (enum ses_field)__builtin_ctzll(rest);

        if (field < (enum ses_field)SES_FIELD_TEXTS)
            check_text(check, field);
        else
            check_number(check, field);
    }
}

enum ses_status ses_request_check(const struct ses_session_request *request, enum ses_naming naming,
                                  struct ses_error *ret_error)
{
    struct check check = {request, naming, ret_error, false};

    check_parts(&check);
    check_required(&check);
    check_fields(&check);
    return check.failed ? SES_INVALID_ARGUMENT : SES_OK;
}

enum ses_status ses_request_check_step(const struct ses_session_request *request, struct ses_error *ret_error)
{
    struct check check = {request, SES_NAMING_SESSION_TOKEN, ret_error, false};

    check_parts(&check);
    if (has(request, SES_FIELD_AMOUNT))
        check_currency(&check);
    check_fields(&check);
    return check.failed ? SES_INVALID_ARGUMENT : SES_OK;
}

bool ses_caller_id_check(struct ses_slice id)
{
    return id.len >= 1 && id.len <= SES_CALLER_ID_BYTES_MAX && ses_utf8_name_check(id);
}

/* ---- views ----------------------------------------------------------------------------------- */

void ses_request_state(const struct ses_session_request *request, uint64_t now_ms,
                       struct ses_session_state *ret_state)
{
    *ret_state = (struct ses_session_state){
        .access_token_present = has(request, SES_FIELD_STATE_TOKEN),
        .access_token = request->text[SES_FIELD_STATE_TOKEN],
        .access_token_type_present = has(request, SES_FIELD_STATE_TOKEN_TYPE),
        .access_token_type = request->text[SES_FIELD_STATE_TOKEN_TYPE],
        .expires_in_present = has(request, SES_FIELD_STATE_EXPIRES_IN),
        .expires_in_seconds = request->number[SES_FIELD_STATE_EXPIRES_IN - SES_FIELD_TEXTS],
        .connector_customer_id_present = has(request, SES_FIELD_STATE_CUSTOMER),
        .connector_customer_id = request->text[SES_FIELD_STATE_CUSTOMER],
        .stored_ms = now_ms,
    };
}

static uint64_t number_tag(const struct ses_tag_key *key, int64_t number)
{
    uint8_t bytes[SES_LITTLE_BYTES];

    ses_little_put((uint64_t)number, bytes);
    return ses_tag(key, ses_slice(bytes, sizeof(bytes)));
}

void ses_request_fingerprint(const struct ses_session_request *request, const struct ses_tag_key *key,
                             struct ses_fingerprint *ret_fingerprint)
{
    uint64_t rest = request->present & SES_FINGERPRINT_FIELDS;

    ret_fingerprint->fields = rest;
    ret_fingerprint->optional = 0;
    for (; rest != 0; rest &= rest - 1) {
        unsigned field = (unsigned)__builtin_ctzll(rest);

        ret_fingerprint->tag[field] = field < SES_FIELD_TEXTS
                                          ? ses_tag(key, request->text[field])
                                          : number_tag(key, request->number[field - SES_FIELD_TEXTS]);
    }
}
