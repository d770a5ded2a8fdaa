#include "domain/request_fixture.h"

#include "domain/currency.h"

void set_text(struct ses_session_request *request, enum ses_field field, const char *text)
{
    request->present |= SES_FIELD_BIT(field);
    request->text[field] = ses_slice_str(text);
}

void set_number(struct ses_session_request *request, enum ses_field field, int64_t number)
{
    request->present |= SES_FIELD_BIT(field);
    request->number[field - SES_FIELD_TEXTS] = number;
}

void clear_field(struct ses_session_request *request, enum ses_field field)
{
    request->present &= ~SES_FIELD_BIT(field);
}

struct ses_session_request minimal_request(void)
{
    struct ses_session_request request = {.present = SES_FIELD_BIT(SES_FIELD_PAYMENT) |
                                                     SES_FIELD_BIT(SES_FIELD_AMOUNT)};

    set_text(&request, SES_FIELD_MERCHANT_SESSION_ID, "session_001");
    set_number(&request, SES_FIELD_MINOR_AMOUNT, 10000);
    set_number(&request, SES_FIELD_CURRENCY, currency_by_code("USD")->number);
    return request;
}

struct ses_session_request full_request(void)
{
    struct ses_session_request request = minimal_request();

    set_text(&request, SES_FIELD_METADATA, "{\"order\":\"A-17\"}");
    set_text(&request, SES_FIELD_FEATURE_DATA, "{\"mode\":[1,2]}");
    set_text(&request, SES_FIELD_LANGUAGE, "de-CH");
    set_text(&request, SES_FIELD_ACCEPT_HEADER, "text/html");
    set_text(&request, SES_FIELD_USER_AGENT,
             "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.71 "
             "Safari/537.36");
    set_text(&request, SES_FIELD_ACCEPT_LANGUAGE, "de-CH,de;q=0.9");
    set_text(&request, SES_FIELD_REFERER, "https://shop.example/cart");
    set_text(&request, SES_FIELD_IP_ADDRESS, "203.0.113.77");
    set_text(&request, SES_FIELD_OS_TYPE, "Linux");
    set_text(&request, SES_FIELD_OS_VERSION, "6.1");
    set_text(&request, SES_FIELD_DEVICE_MODEL, "PC");
    set_text(&request, SES_FIELD_CUSTOMER,
             "\x0a\x03"
             "Ann");
    set_text(&request, SES_FIELD_ADDRESS, "\x0a\x02");
    set_number(&request, SES_FIELD_COLOR_DEPTH, 24);
    set_number(&request, SES_FIELD_SCREEN_HEIGHT, 1080);
    set_number(&request, SES_FIELD_SCREEN_WIDTH, 1920);
    set_number(&request, SES_FIELD_JAVA_ENABLED, 0);
    set_number(&request, SES_FIELD_JAVA_SCRIPT_ENABLED, 1);
    set_number(&request, SES_FIELD_TIME_ZONE_OFFSET, -60);
    return request;
}

void set_access_token(struct ses_session_request *request, const char *token)
{
    request->present |= SES_FIELD_BIT(SES_FIELD_STATE_ACCESS_TOKEN);
    set_text(request, SES_FIELD_STATE_TOKEN, token);
}
