"""Which tests are of one machine, and why: where two share a database (machines.py) they are skipped, and tell the reason.

An entry names a module, a class of it, or a test: what stands nowhere here runs on two machines.
"""
import pathlib
import unittest

DISK = "the files of a data directory's sessions, which a database does not have"
OWN_TIME = "a machine's own time, which no clock sets: machines on one database have the world's (pg/machines)"
OWN_PROCESSES = "processes of one machine, told one by one"
OWN_LIMITS = "a machine bounds what it takes on by itself"
OWN_BREAKER = "a machine opens its breaker by what it has seen itself"
SIMULATOR = "one simulator's address"

REASONS = {
    "test_access_tokens.Connectors": "each machine's own simulator: a token belongs to the URL that it comes from",
    "test_addresses.Addresses.test_live_calls_do_not_go_to_the_sandbox": SIMULATOR,
    "test_backup": DISK,
    "test_capacity": DISK,
    "test_change": OWN_PROCESSES,
    "test_clock.OverARestart": OWN_TIME,
    "test_clock.TheRealClock": OWN_TIME,
    "test_clock.TimeThatPasses.test_expired_sessions_are_collected": "rows are swept by the primary's clock, which no test moves (pg/admin)",
    "test_clock.TimeThatPasses.test_a_step_that_was_told_as_timed_out_stays_so": OWN_TIME,
    "test_clock.WhatIsTold.test_a_step_is_logged_and_counted": OWN_TIME,
    "test_clock.WhileRunning": OWN_TIME,
    "test_confinement": OWN_PROCESSES,
    "test_connectors.Breaker": OWN_BREAKER,
    "test_connectors.Bulkhead": OWN_LIMITS,
    "test_connectors.FullDisk": DISK,
    "test_connectors.Wire.test_a_first_line_is_no_answer": OWN_BREAKER,
    "test_ctl": "commands for one data directory",
    "test_formats": DISK,
    "test_gateway_crash": OWN_PROCESSES,
    "test_gateway_disk": DISK,
    "test_gateway_leaving": OWN_PROCESSES,
    "test_gateway_memory": OWN_PROCESSES,
    "test_gateway_sim.Breaker": OWN_BREAKER,
    "test_gateway_sim.BreakerAfterwards": OWN_BREAKER,
    "test_gateway_tls.WhoeverIsThere": OWN_PROCESSES,
    "test_keys.Order.test_a_seal_key_that_seals_records_is_kept": "records of a data directory: those of a database are pg/admin's",
    "test_keys.Order.test_a_step_key_that_leaked_is_revoked": "who ends a key that machines share names the configuration (pg/rotation, pg/shards_keys)",
    "test_keys.Rotation": "pg/rotation plays it on two machines, in two waves",
    "test_limits": OWN_LIMITS,
    "test_log_pipe": OWN_PROCESSES,
    "test_metadata.Caller.test_http2_host_must_say_what_authority_says": "one machine's address",
    "test_metrics.Metrics.test_a_call_that_leaves_nothing_behind_costs_one_commit": "commits of a disk: what a database is asked for is pg/rows'",
    "test_metrics.Metrics.test_every_process_tells_of_itself": OWN_PROCESSES,
    "test_metrics.Metrics.test_resident_memory_is_told_by_its_kind": OWN_PROCESSES,
    "test_operator.LogLevel.test_every_process_follows_and_a_reload_brings_the_configurations_back": OWN_PROCESSES,
    "test_otlp.Spans.test_one_that_hangs_holds_a_bounded_queue_and_no_call": OWN_LIMITS,
    "test_otlp.Spans.test_the_callers_flag_decides_and_percent_for_those_without": "two machines' spans come in any order",
    "test_otlp_tls.Trusted.test_by_an_authority_of_its_own_confined_and_over_a_reload": OWN_PROCESSES,
    "test_outcome.Outcome.test_an_event_before_its_session": DISK,
    "test_outcome.Outcome.test_process_alone": "a durability that a database does not have",
    "test_outcome.Outcome.test_the_same_call_again_comes_to_one_effect": DISK,
    "test_places": "what one machine opens at its start",
    "test_processes": OWN_PROCESSES,
    "test_reload": OWN_PROCESSES,
    "test_resolver": "names are resolved by a machine",
    "test_restore": DISK,
    "test_sandbox.Address": SIMULATOR,
    "test_sandbox.Breaker": OWN_BREAKER,
    "test_scrub": DISK,
    "test_service_manager": OWN_PROCESSES,
    "test_slack": OWN_PROCESSES,
    "test_slow_commit": DISK,
    "test_sockets": OWN_PROCESSES,
    "test_status": OWN_PROCESSES,
    "test_store": DISK,
    "test_systemd_unit": OWN_PROCESSES,
    "test_tls.Clients.test_the_certificates_end_is_told": "a date, which two machines do not add up to",
    "test_upgrade": OWN_PROCESSES,
    "test_upgrade_refused": OWN_PROCESSES,
    "test_upgrade_signals": OWN_PROCESSES,
}


def _leave_out_class(kind, why):
    kind.__unittest_skip__, kind.__unittest_skip_why__ = True, f"of one machine: {why}"


def leave_out(module, tests):
    """Marks what is skipped. An entry that names nothing is a mistake: SystemExit."""
    folder = pathlib.Path(__file__).resolve().parent
    for name in REASONS:
        if not any((place / f"{name.split('.')[0]}.py").exists() for place in (folder, folder.parent / "scenario")):
            raise SystemExit(f"one_machine.py names {name}, which is not there")
    kinds = {f"{module}.{type(test).__qualname__}": type(test) for test in tests}
    for name, why in REASONS.items():
        if name.split(".")[0] != module:
            continue
        found = [kind for at, kind in kinds.items() if name in (module, at)]
        for kind in found:
            _leave_out_class(kind, why)
        for test in tests:
            if test.id() == name:
                found.append(test)
                setattr(test, test.id().rsplit(".", 1)[1], unittest.skip(f"of one machine: {why}")(lambda: None))
        if not found:
            raise SystemExit(f"one_machine.py names {name}, which is not there")
