"""The rules by which a call through to the payment server has one effect, and its answer the session right. name, file, what stands there, what is
planted, the tests that must notice (run.py)."""
AMOUNTS = ["test_gateway_amounts.Amounts", "test_gateway_amounts.Raw"]
JOURNEYS, IN_FLIGHT = ["test_gateway_journeys.Undisturbed"], ["test_gateway_kills.InFlight"]
FAULTS = [
    ("an effect of unknown outcome is made again", "src/method/gateway/gateway_begin.c",
     "    return effect != NULL ? again(call, session, effect, now_ms) : first(call, session, now_ms);",
     "    return effect != NULL && ses_effect_stands(session, effect, now_ms) != SES_EFFECT_UNKNOWN\n"
     "               ? again(call, session, effect, now_ms)\n               : first(call, session, now_ms);", IN_FLIGHT),
    ("a call whose connection was lost counts as not sent", "src/method/gateway/gateway_send.c",
     "    if (answer->outcome != SES_UPSTREAM_ANSWERED)\n        return SES_GATEWAY_UNKNOWN;",
     "    if (answer->outcome != SES_UPSTREAM_ANSWERED)\n        return SES_GATEWAY_NOT_SENT;", IN_FLIGHT),
    ("what the connector told is not put in", "src/method/gateway/gateway_put_in.c",
     "    put_text_in(out, request, SES_GATEWAY_AUTHENTICATION, session->facts.authentication_data);\n", "", JOURNEYS),
    ("the connector's own token is not put in", "src/method/gateway/gateway_put_in.c", "session->connector_session_present && token.len > 0)",
     "session->connector_session_present && token.len > 0 && false)", JOURNEYS),
    ("a step that a payment interrupts is over", "src/domain/session_machine.c", "    if (past->returned || past->expires_ms <= now_ms)",
     "    if (past->returned || past->expires_ms <= now_ms || now_ms > 0)", ["unit_domain_session_machine", *JOURNEYS]),
    ("a void may name any amount", "src/method/gateway/gateway_method.c", "                               .amount = SES_GATEWAY_UP_TO_AMOUNT_OR_NONE,\n", "",
     AMOUNTS),
    ("a void has to name an amount", "src/method/gateway/gateway_check.c", "    if (call->method->amount == SES_GATEWAY_UP_TO_AMOUNT_OR_NONE)\n        return true;\n",
     "", AMOUNTS),
    ("a refund may name another payment's amount", "src/method/gateway/gateway_method.c", "[SES_GATEWAY_PAYMENT_AMOUNT] = 3,", "", AMOUNTS),
    ("a refund has to name its payment's amount", "src/method/gateway/gateway_check.c", "amount == 0 || amount == session->minor_amount ||",
     "amount == session->minor_amount ||", AMOUNTS),
    ("the connector's raw answer to a capture is passed on", "src/method/gateway/gateway_method.c", "[SES_GATEWAY_TOLD_RAW_RESPONSE] = 16", "[SES_GATEWAY_TOLD_RAW_RESPONSE] = 0",
     AMOUNTS),
    ("the end of a call reads what the call itself wrote", "src/method/change_loop.c", "    loop->knows = loop->kept.body.len > 0 &&", "    loop->knows = false && loop->kept.body.len > 0 &&",
     ["unit_method_gateway_store"]),
    ("a configuration that is refused is remembered as a good one", "src/connector/config_urls.c", "    SES_TRY(check_config(policy, text, arena, ret_connector, ret_error));\n"
     "    ses_config_memo_add(memo, key, *ret_connector);\n", "    ses_config_memo_add(memo, key, NULL);\n"
     "    SES_TRY(check_config(policy, text, arena, ret_connector, ret_error));\n", ["unit_connector_config_memo"]),
    ("a connector is remembered whose row dies with the call", "src/connector/config_memo.c", "    if (connector == NULL || connector->number != 0)\n", "",
     ["unit_connector_config_memo"]),
    ("what an arena held is not wiped", "src/base/arena.c", "    ses_wiping_wipe(chunk->data + used, chunk->used - used);\n", "", ["unit_base_memory"]),
    ("a put tells the version before it", "store/lmdb/writer.c", "        .revision = item->row.revision};", "        .revision = item->row.revision - 1};", ["contract/put/lmdb"]),
    ("a put tells no version", "store/pg/rows.c", "    if (status == SES_OK && (row->kind == PG_CREATE || row->kind == PG_CHANGE))\n"
     "        op->written = ses_pg_version(row->revision, ses_pg_row_id(row));\n", "", ["contract/put/pg"]),
    ("a version of near's is told as far's", "store/move/guarded.c", "    take_written(put->outer, &put->op, status, MOVE_NEAR);", "    take_written(put->outer, &put->op, status, MOVE_FAR);",
     ["contract/put/moving_lmdb"]),
    ("what an earlier put told is still told", "store/store.c", "    op->written = SES_VERSION_ABSENT;\n", "", ["contract/put/lmdb"]),
]
