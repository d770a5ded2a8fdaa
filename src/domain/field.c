/* The paths of the field table, a row a field, a column a generation of the protocol. */
#include <sessiond/domain/field.h>

_Static_assert(SES_FIELD_COUNT <= 64, "a field is a bit of a word");

struct ses_slice ses_field_path(enum ses_naming naming, enum ses_field field)
{
#define PATHS(name, old_path, new_path) {SES_STR_INIT(old_path), SES_STR_INIT(new_path)},
    static const struct ses_slice paths[SES_FIELD_COUNT][2] = {
        SES_FIELD_TEXT_TABLE(PATHS) SES_FIELD_NUMBER_TABLE(PATHS) SES_FIELD_GROUP_TABLE(PATHS)};
#undef PATHS
    bool newer = naming == SES_NAMING_SERVER_SESSION_TOKEN || naming == SES_NAMING_CLIENT_TOKEN;

    SES_REQUIRE(field < SES_FIELD_COUNT && naming < SES_NAMING_COUNT);
    if (field == SES_FIELD_MERCHANT_SESSION_ID && naming == SES_NAMING_SDK_TOKEN)
        return SES_STR("merchant_sdk_session_id");
    if (field == SES_FIELD_MERCHANT_SESSION_ID && naming == SES_NAMING_CLIENT_TOKEN)
        return SES_STR("merchant_client_session_id");
    return paths[field][newer ? 1 : 0];
}
