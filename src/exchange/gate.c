/* The gates of a door, one after the other. */
#include <sessiond/exchange/gate.h>

bool ses_gates_pass(const struct ses_gate *gates, size_t count, struct ses_exchange *x, struct ses_conn *conn)
{
    for (size_t i = 0; i < count; i++) {
        struct ses_error error;

        ses_error_clear(&error);
        if (gates[i].admit(gates[i].arg, x, conn, &error) == SES_OK)
            continue;
        x->turned_away = true;
        ses_exchange_fail(x, &error);
        return false;
    }
    return true;
}
