#include "usual.h"

struct ses_exchange_pool_options usual_pool(void)
{
    return (struct ses_exchange_pool_options){
        .arena_bytes_max = SES_USUAL_limits_exchange_memory_kib * SES_KIB,
        .exchanges_max = SES_USUAL_limits_exchanges,
        .keep = 4,
    };
}

struct ses_driver_options usual_driver(void)
{
    return (struct ses_driver_options){
        .private_peers = true, /* connectors of tests are on loopback */
        .sandbox = true,
        .connect_timeout_ms = SES_USUAL_connector_connect_timeout_ms,
        .total_timeout_ms = SES_USUAL_connector_total_timeout_ms,
        .response_bytes_max = SES_USUAL_connector_response_kib * SES_KIB,
        .calls_max = SES_USUAL_connector_calls_max,
        .host_calls_max = SES_USUAL_connector_calls_max * SES_USUAL_connector_host_percent / 100,
        .owner_percent = SES_USUAL_limits_merchant_share_percent,
        .connection_life_ms = SES_USUAL_connector_connection_seconds * 1000u,
        .breaker_failures = SES_USUAL_connector_breaker_failures,
        .breaker_open_ms = SES_USUAL_connector_breaker_open_ms,
    };
}
