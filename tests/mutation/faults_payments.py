"""What a session allows of its calls to the payment server, what settles those of unknown outcome, and access tokens in sessions. Rows as in
faults_gateway.py, whose rules are those of one effect (run.py)."""
GATEWAY = "src/method/gateway/"
PART = "test_gateway_part.Part."
SUMS, SETTLE, AFTER = "test_gateway_sums.Sums.", "test_gateway_settle.Settling.", "test_gateway_after.After."
ACCESS = "test_access_session.IntoASession."
FAULTS = [
    # How much in all.
    ("captures and refunds are not added up", GATEWAY + "gateway_check.c", "    if (call->request.minor_amount <= (refunds",
     "    if (session != NULL || call->request.minor_amount <= (refunds", [SUMS + "test_captures_of_several_ids"]),
    ("an unknown capture has taken nothing", "src/domain/effect_sums.c", "return ses_effect_add(sum, taken->captured_perhaps);", "return sum;",
     [SUMS + "test_a_capture_of_unknown_outcome_has_taken_its_amount", "unit_domain_effect_sums"]),
    ("an unknown capture can be refunded", "src/domain/effect_sums.c", "made == SES_EFFECT_MADE ? &taken->captured : &taken->captured_perhaps",
     "made != SES_EFFECT_NOT_MADE ? &taken->captured : &taken->captured_perhaps", [SUMS + "test_a_capture_of_unknown_outcome_has_taken_its_amount"]),
    ("a refusal has taken its amount", "src/domain/effect_sums.c", "    if (stands == SES_EFFECT_ANSWERED && effect->grpc_status != 0)\n        return SES_EFFECT_NOT_MADE;\n", "",
     [SUMS + "test_one_that_failed_has_not"]),
    ("a void ends nothing", "src/domain/effect_sums.c", "ret_sums->capturable = taken.voided ? 0 : ", "ret_sums->capturable = ", [SUMS + "test_voids"]),
    ("a declined card was paid with", "src/domain/effect_sums.c", "effect->pays && effect->event == SES_EVENT_COMPLETED", "effect->pays", ["unit_domain_effect_sums"]),
    ("what was authorized is not read", GATEWAY + "gateway_method.c", "[SES_GATEWAY_TOLD_AUTHORIZED] = 15,", "", [PART + "test_captures_of_what_was_authorized"]),
    ("what was captured at once is not read", GATEWAY + "gateway_method.c", "[SES_GATEWAY_TOLD_CAPTURED] = 13,", "", [PART + "test_refunds_of_what_was_charged_at_once"]),
    ("what was authorized is forgotten", "src/method/record_effects.c", "    effect->authorized = stored->authorized_amount;\n", "", [PART + "test_captures_of_what_was_authorized"]),
    ("what was captured is forgotten", "src/method/record_effects.c", "    stored->captured_amount = effect->captured;\n", "", [PART + "test_refunds_of_what_was_charged_at_once"]),
    ("nothing said is nothing authorized", "src/domain/effect_sums.c", "told > 0 && told < bound", "told < bound", [PART + "test_what_says_nothing", "unit_domain_effect_sums"]),
    ("a payment may be told to be of more than the session", "src/domain/effect_sums.c", "told > 0 && told < bound", "told > 0", [PART + "test_what_says_nothing", "unit_domain_effect_sums"]),
    ("Get raises nothing", GATEWAY + "gateway_settle.c", "            effect->captured = verdicts.captured[i];\n", "            (void)effect;\n", [PART + "test_get_tells_of_more"]),
    ("Get lowers what was captured", GATEWAY + "gateway_settle.c", "call->facts.captured - sum->made > paid->captured;", "call->facts.captured - sum->made != paid->captured;",
     [PART + "test_get_tells_of_more"]),
    ("Get's captures are the payment's own", GATEWAY + "gateway_settle.c", "(unsigned)(paid - session->effects), call->facts.captured - sum->made);",
     "(unsigned)(paid - session->effects), call->facts.captured);", [PART + "test_get_tells_of_ours_as_well"]),
    # What settles.
    ("an answer settles what began behind its question", GATEWAY + "gateway_settle.c", "effect->started_ms <= call->called_ms", "call != NULL",
     [SETTLE + "test_a_question_that_was_asked_before"]),
    ("one of two captures is meant", GATEWAY + "gateway_settle.c", "            sum.others = true;\n", "            sum.others = false;\n", [SETTLE + "test_another_one_that_runs"]),
    ("less than was asked for is enough", GATEWAY + "gateway_settle.c", "captured - sum->made >= sum->open", "captured > 0", [SETTLE + "test_what_proves_nothing"]),
    ("another payment's end settles", GATEWAY + "gateway_settle.c", "    if (!is_about_paid(call, session, paid))\n", "    if (!is_about_paid(call, session, paid) && now_ms == 0)\n", [SETTLE + "test_what_proves_nothing"]),
    ("another refund's end settles", GATEWAY + "gateway_settle.c", "            !is_anothers(call, session, effect))", "            (!is_anothers(call, session, effect) || now_ms > 0))",
     [SETTLE + "test_another_refunds_answer"]),
    ("a failure of the question is one of the refund", GATEWAY + "gateway_settle.c", "(failed && call->facts.refund.len == 0)", "(failed && now_ms == 0)",
     [SETTLE + "test_a_failure_of_the_question"]),
    ("the word of the caller counts at once", GATEWAY + "gateway_settle.c", "call->final && effect->until_ms <= now_ms", "call->final && effect->started_ms <= now_ms",
     [AFTER + "test_a_capture_that_never_came"]),
    ("the word of the caller counts against the connector's", GATEWAY + "gateway_settle.c", "    if (sum->final && shows_none(call, sum))", "    if (sum->final && (call != NULL || shows_none(call, sum)))",
     [AFTER + "test_a_word_against_what_the_connector_shows"]),
    ("what is silent was not made", GATEWAY + "gateway_settle.c", "    if (sum->final && shows_none(call, sum))", "    if (shows_none(call, sum))", [AFTER + "test_a_capture_that_never_came"]),
    # Whose call it is.
    ("any connector will do", GATEWAY + "gateway_begin.c", "    if (!ses_gateway_check_connector(call, session, &error))\n        return refuse(call, &error);\n", "",
     ["test_gateway_rules.Connector.test_another_one"]),
    ("behind a challenge the first answer is told again", GATEWAY + "gateway_begin.c", "    if (follows_challenge(call, session, effect)) {",
     "    if (follows_challenge(call, session, effect) && now_ms == 0) {", ["test_gateway_rules.Challenge.test_the_call_behind_it_has_an_id_of_its_own"]),
    # Access tokens in sessions.
    ("a token that is over is put in", GATEWAY + "gateway_put_in.c", "(!state->expires_in_present || seconds_left(state, now_ms) > 0)", "now_ms > 0", [ACCESS + "test_one_that_is_over_is_left_out"]),
    ("the connector is asked before the session is judged", "src/method/access_token.c", "    if (a->session != NULL)\n        look_at_session(a);", "    if (a->session != NULL && a->began_ms == 0)\n        look_at_session(a);",
     [ACCESS + "test_the_session_is_checked_before_anybody_is_asked"]),
    ("the session is judged once", "src/method/access_token.c", "    if (ses_access_session_judge(a->session, found_session(a), now_ms, &error) != SES_OK) {",
     "    if (now_ms == 0 && ses_access_session_judge(a->session, found_session(a), now_ms, &error) != SES_OK) {", ["test_access_session.Meanwhile.test_it_is_judged_again"]),
    ("another connector's token is put in", "src/method/access_session.c", "    ses_refusal_connector(ret_error, session->connector.name);\n    return ret_error->status;", "    return SES_OK;",
     [ACCESS + "test_the_session_is_checked_before_anybody_is_asked"]),
    ("the API's host is asked for the token", "src/connector/base_url.c", "key != NULL ? credentials->access_url : credentials->base_url", "credentials->base_url",
     ["test_access_urls.Hosts.test_the_apis_url_is_not_the_tokens"]),
]
