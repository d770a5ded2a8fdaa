"""A client token and the session that it was made for: two records with one end. Rows as in faults.py (run.py)."""
KEPT, FORGET, CALL = "src/method/client_kept.c", "src/method/client_forget.c", "src/method/session_call.c"
TOLD, ENDED, FLIGHT = "test_client_kept.Told.", "test_client_kept.Ended.", "test_client_kept.InFlight."
ROWS = "test_client_rows.TwoRows."
FAULTS = [
    # What ends a session.
    ("the end of a session removes nothing", CALL, "    if (call->forget != NULL)\n", "    if (call->forget != NULL && call->now_ms == 0)\n",
     [ENDED + "test_whatever_ends_the_session_removes_them"]),
    ("a payment through here removes nothing", "src/method/gateway/gateway_end.c", "    if (call->forget != NULL)\n", "    if (call->forget != NULL && call->late_success)\n",
     ["test_client_kept.Paid.test_it_removes_them"]),
    ("what is not over is removed as well", FORGET, "    if (ses_session_closed(session->status) && session->client_tokens_count > 0) {", "    if (session->client_tokens_count > 0) {",
     [ENDED + "test_what_does_not_end_it_removes_nothing"]),
    ("only the first one is removed", FORGET, "        SES_TRY(make(service, x, session->client_tokens_count, &forget));", "        SES_TRY(make(service, x, 1, &forget));",
     [ENDED + "test_whatever_ends_the_session_removes_them"]),
    ("what was removed is written over again", FORGET, "    loop->found.intent = op->record.expires_ms > now_ms; /* something is there */", "    loop->found.intent = now_ms > 0;",
     [ENDED + "test_said_again"]),
    ("that one could not be removed is not told", CALL, "    if (error != NULL)\n        fail(call, error);\n    else\n        reply_now(call);", "    (void)error;\n    reply_now(call);",
     [ROWS + "test_one_that_cannot_be_removed_is_told"]),
    ("an end that is said again removes nothing", CALL, "    if (status == SES_OK) {\n        answer(call);", "    if (status == SES_OK) {\n        call->forget = NULL;\n        answer(call);",
     [ROWS + "test_who_dies_between_them"]),
    # Calls under way.
    ("who waited asks for a session that has ended", KEPT, "    if (c->session == NULL || c->looks == 1)", "    if (c->session == NULL || c->looks > 0)",
     [FLIGHT + "test_a_revoked_session_gets_none"]),
    ("a token is stored for a session that has ended", KEPT, "    if (c->session == NULL)\n        next(c);\n    else\n        name(", "    if (c->session == NULL || c->looks > 0)\n        next(c);\n    else\n        name(",
     [FLIGHT + "test_a_revoked_session_gets_none"]),
    ("a stored token is answered without another look", KEPT, "    if (c->session == NULL)\n        answer(c);",
     "    if (c->session == NULL || c->looks > 0)\n        answer(c);", [ROWS + "test_a_token_that_is_stored_behind_the_end"]),
    ("a token that was stored behind the end stays", KEPT, "    if (!c->stored ||", "    if (!c->stored || c->looks > 0 ||",
     [ROWS + "test_a_token_that_is_stored_behind_the_end"]),
    ("one that nobody named is told again and stays so", "src/method/client_token.c", "(c->session->named && c->looks == 1)", "c->looks == 1",
     [ROWS + "test_one_of_an_earlier_version"]),
    # What the session tells.
    ("a named token is no room's", "src/domain/client_token.c", "           ses_client_token_find(session, key) != NULL || find_ended", "           (now_ms == 0 && ses_client_token_find(session, key) != NULL) || find_ended", [TOLD + "test_there_is_an_end_to_them"]),
    ("there is always room", "src/method/client_session.c", "    if (ses_client_token_room(session, s->key.bytes, now_ms))", "    if (now_ms > 0 || ses_client_token_room(session, s->key.bytes, now_ms))",
     [TOLD + "test_there_is_an_end_to_them"]),
    ("a new session has the tokens of the one before", "src/method/record_clients.c", "    record->n_client_tokens = 0;\n", "", ["unit_method_record_clients"]),
    ("what has ended takes room", "src/domain/client_token.c", "        if (session->client_tokens[i].ends_ms <= now_ms)", "        if (session->client_tokens[i].ends_ms <= now_ms && now_ms == 0)",
     [TOLD + "test_there_is_an_end_to_them"]),
    ("what has ended is told", "src/method/session_view.c", "        if (token->ends_ms <= now_ms)", "        if (token->ends_ms <= now_ms && now_ms == 0)", [TOLD + "test_there_is_an_end_to_them"]),
    ("the tokens of a session that is over are told", "src/method/session_view.c", "    if (session->client_tokens_count == 0 || ses_session_closed(session->status))", "    if (session->client_tokens_count == 0)",
     [ENDED + "test_whatever_ends_the_session_removes_them"]),
    ("naming is a version", "src/method/client_session.c", "    SES_TRY(ses_client_token_name(", "    ses_session_touch(&loop->found.session, now_ms);\n    SES_TRY(ses_client_token_name(",
     [TOLD + "test_the_session_tells_of_it"]),
]
