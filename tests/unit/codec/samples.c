#include "codec/samples.h"

struct ses_arena sample_arena;

const char sample_json[] =
    "{\"merchant_session_id\":\"session_001\","
    "\"amount\":{\"minor_amount\":\"10000\",\"currency\":\"USD\"},"
    "\"metadata\":{\"value\":\"{\\\"order\\\":7}\"},"
    "\"connector_feature_data\":{\"value\":\"{}\"},"
    "\"state\":{\"access_token\":{\"token\":{\"value\":\"tok\"},\"expires_in_seconds\":\"3600\",\"token_type\":"
    "\"Bearer\"},"
    "\"connector_customer_id\":\"cus_1\"},"
    "\"browser_info\":{\"color_depth\":24,\"java_enabled\":false,\"java_script_enabled\":true,"
    "\"time_zone_offset_minutes\":-60,\"accept_header\":\"text/html\",\"user_agent\":\"Z\xc3\xbcrich "
    "\xf0\x9f\x9a\x80\"},"
    "\"test_mode\":true}";

size_t sample_pack(uint8_t *ret_bytes)
{
    Types__Money amount;
    Types__SecretString metadata, feature, token;
    Types__AccessToken access;
    Types__ConnectorState connector_state;
    Types__BrowserInformation browser;
    SampleRequest request;
    static char id[] = "session_001", order[] = "{\"order\":7}", empty[] = "{}", tok[] = "tok",
                bearer[] = "Bearer", customer[] = "cus_1", html[] = "text/html",
                agent[] = "Z\xc3\xbcrich \xf0\x9f\x9a\x80";

    types__money__init(&amount);
    amount.minor_amount = 10000;
    amount.currency = TYPES__CURRENCY__USD;
    types__secret_string__init(&metadata);
    metadata.value = order;
    types__secret_string__init(&feature);
    feature.value = empty;
    types__secret_string__init(&token);
    token.value = tok;
    types__access_token__init(&access);
    access.token = &token;
    access.expires_in_seconds = 3600;
    access._expires_in_seconds_case = TYPES__ACCESS_TOKEN___EXPIRES_IN_SECONDS_EXPIRES_IN_SECONDS;
    access.token_type = bearer;
    access._token_type_case = TYPES__ACCESS_TOKEN___TOKEN_TYPE_TOKEN_TYPE;
    types__connector_state__init(&connector_state);
    connector_state.access_token = &access;
    connector_state._access_token_case = TYPES__CONNECTOR_STATE___ACCESS_TOKEN_ACCESS_TOKEN;
    connector_state.connector_customer_id = customer;
    connector_state._connector_customer_id_case =
        TYPES__CONNECTOR_STATE___CONNECTOR_CUSTOMER_ID_CONNECTOR_CUSTOMER_ID;
    types__browser_information__init(&browser);
    browser.color_depth = 24;
    browser._color_depth_case = TYPES__BROWSER_INFORMATION___COLOR_DEPTH_COLOR_DEPTH;
    browser._java_enabled_case = TYPES__BROWSER_INFORMATION___JAVA_ENABLED_JAVA_ENABLED;
    browser.java_script_enabled = 1;
    browser._java_script_enabled_case = TYPES__BROWSER_INFORMATION___JAVA_SCRIPT_ENABLED_JAVA_SCRIPT_ENABLED;
    browser.time_zone_offset_minutes = -60;
    browser._time_zone_offset_minutes_case =
        TYPES__BROWSER_INFORMATION___TIME_ZONE_OFFSET_MINUTES_TIME_ZONE_OFFSET_MINUTES;
    browser.accept_header = html;
    browser._accept_header_case = TYPES__BROWSER_INFORMATION___ACCEPT_HEADER_ACCEPT_HEADER;
    browser.user_agent = agent;
    browser._user_agent_case = TYPES__BROWSER_INFORMATION___USER_AGENT_USER_AGENT;
    types__merchant_authentication_service_create_session_token_request__init(&request);
    request.merchant_session_id = id;
    request._merchant_session_id_case =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST___MERCHANT_SESSION_ID_MERCHANT_SESSION_ID;
    request.amount = &amount;
    request.metadata = &metadata;
    request._metadata_case =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST___METADATA_METADATA;
    request.connector_feature_data = &feature;
    request._connector_feature_data_case =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST___CONNECTOR_FEATURE_DATA_CONNECTOR_FEATURE_DATA;
    request.state = &connector_state;
    request._state_case = TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST___STATE_STATE;
    request.browser_info = &browser;
    request._browser_info_case =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST___BROWSER_INFO_BROWSER_INFO;
    request.test_mode = 1;
    request._test_mode_case =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST___TEST_MODE_TEST_MODE;
    assert_true(protobuf_c_message_get_packed_size(&request.base) <= SAMPLE_BYTES_MAX);
    return protobuf_c_message_pack(&request.base, ret_bytes);
}

static void sample_numbers_init(ProtobufCMessage *message)
{
    memset(message, 0, sizeof(struct sample_numbers));
    message->descriptor = &sample_numbers;
}

#define SAMPLE_NUMBER(name, number, type)                                                                    \
    {                                                                                                        \
#name, number, PROTOBUF_C_LABEL_NONE, type, 0, offsetof(struct sample_numbers, name), NULL, NULL, 0, \
            0, NULL, NULL                                                                                    \
    }

static const ProtobufCFieldDescriptor sample_number_fields[] = {
    SAMPLE_NUMBER(sint32, 1, PROTOBUF_C_TYPE_SINT32),   SAMPLE_NUMBER(sint64, 2, PROTOBUF_C_TYPE_SINT64),
    SAMPLE_NUMBER(fixed32, 3, PROTOBUF_C_TYPE_FIXED32), SAMPLE_NUMBER(sfixed64, 4, PROTOBUF_C_TYPE_SFIXED64),
    SAMPLE_NUMBER(single, 5, PROTOBUF_C_TYPE_FLOAT),    SAMPLE_NUMBER(real, 6, PROTOBUF_C_TYPE_DOUBLE),
    SAMPLE_NUMBER(uint64, 7, PROTOBUF_C_TYPE_UINT64),
};
static const unsigned sample_number_names[] = {2, 5, 3, 4, 0, 1, 6};
static const ProtobufCIntRange sample_number_ranges[] = {{1, 0}, {0, 7}};
const ProtobufCMessageDescriptor sample_numbers = {
    PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
    "sample.Numbers",
    "Numbers",
    "Sample__Numbers",
    "sample",
    sizeof(struct sample_numbers),
    7,
    sample_number_fields,
    sample_number_names,
    1,
    sample_number_ranges,
    sample_numbers_init,
    NULL,
    NULL,
    NULL,
};

int sample_setup(void **state)
{
    (void)state;
    ses_arena_init(&sample_arena, SAMPLE_ARENA_BYTES);
    return 0;
}

int sample_teardown(void **state)
{
    (void)state;
    ses_arena_done(&sample_arena);
    return 0;
}
