/* client_odd.h - parts of client_table.c's rows that are functions. */
#ifndef SESSIOND_SRC_CONNECTOR_CLIENT_ODD_H
#define SESSIOND_SRC_CONNECTOR_CLIENT_ODD_H

#include "client.h"

typedef enum ses_status client_locate_fn(const struct ses_client_request *request, struct ses_arena *arena,
                                         const char **ret_url, struct ses_error *ret_error);
typedef enum ses_status client_build_fn(const struct ses_client_request *request, struct ses_arena *arena,
                                        struct ses_outbound_request *ret_request,
                                        struct ses_error *ret_error);
typedef enum ses_status client_error_fn(const struct ses_answer *answer,
                                        struct ses_connector_result *ret_result);
typedef enum ses_status client_success_fn(const struct ses_client_request *request,
                                          const struct ses_answer *answer,
                                          struct ses_connector_result *ret_result);

client_locate_fn ses_client_locate_base, ses_client_locate_adyen, ses_client_locate_billwerk,
    ses_client_locate_multisafepay;
client_error_fn ses_client_fail_nexixpay, ses_client_fail_nexinets, ses_client_fail_revolut;
/* client_made.c */
client_build_fn ses_client_build_globalpay, ses_client_build_jpmorgan, ses_client_build_nexixpay,
    ses_client_build_rapyd;
/* client_signed.c */
client_build_fn ses_client_build_cybersource;
client_success_fn ses_client_read_cybersource;
/* client_braintree.c */
client_build_fn ses_client_build_braintree;
client_success_fn ses_client_read_braintree;
/* client_wallet.c */
client_success_fn ses_client_read_bluesnap;
/* A ClientAuthenticationTokenData of PayPal's. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_paypal_session(const struct ses_client_request *request,
                                                         struct ses_slice session, struct ses_slice token,
                                                         struct ses_arena *arena, struct ses_slice *ret_data);
client_success_fn ses_client_read_paypal;

#endif
