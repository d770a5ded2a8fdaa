#!/usr/bin/env python3
"""Are the unit tests worth their name? Plants one fault at a time into a copy of the tree, builds the programs that must notice, and demands
that one of them fails. A fault that no test notices, or that no longer fits the source, fails the run.

usage: run.py [--only WORD] [--jobs N]     prints a line a fault; exit 0: all were noticed
The copy, with its own build, lies in the temporary folder and is removed at the end. About ten minutes on two cores.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 240  # for what a fault makes hang

# name, file, what stands there, what is planted, the unit programs that must notice (one failure is enough)
STORE = ["unit_store_gc_lost", "unit_store_settle", "unit_store_gc", "unit_store_gc_round", "unit_store_load", "unit_store_table", "unit_store_writer", "unit_store_fault",
         "unit_store_damage", "unit_store_hidden", "unit_store_crowd"]
FAULTS = [
    ("a shard opens without the forced sync", "store/lmdb/shard.c", "return rc != 0 ? rc : mdb_env_sync(env->mdb, 1);", "return rc;",
     ["unit_store_open_sync"]),
    ("free lists are not checked", "store/lmdb/env_check.c", "        else if (walk->in_free)\n", "        else if (walk->in_free && false)\n",
     ["unit_store_damage", "unit_store_hidden"]),
    ("a released intent keeps its word in meta", "store/lmdb/table_entry.c",
     "    atomic_store_explicit(table_meta(table, slot), meta, memory_order_release);\n    atomic_store(table_word(table, slot), previous);",
     "    (void)meta;\n    atomic_store(table_word(table, slot), previous);", STORE),
    ("collection goes on although its compare-and-swap failed", "store/lmdb/gc_judge.c", "               ? verdict\n               : GC_SKIP;",
     "               ? verdict\n               : verdict;", STORE),
    ("collection deletes beside a damaged page", "store/lmdb/gc_judge.c", "    return subject->way == ENV_WAY_BESIDE;", "    return subject == NULL;",
     ["unit_store_damage_page"]),
    ("a backup holds its snapshots while it writes", "store/lmdb/backup.c", "    unpin_all(backup);\n    return status;",
     "    if (status != SES_OK)\n        unpin_all(backup);\n    return status;", ["unit_store_backup_slow"]),
    ("a backup leaves out what came while it copied", "store/lmdb/backup.c", "block = copy->tail; block != NULL;",
     "block = copy->tail; false && block != NULL;", ["unit_store_backup_slow"]),
    ("publish writes word before previous", "store/lmdb/table_entry.c",
     "    atomic_store_explicit(table_previous(table, slot), live, memory_order_release);\n    atomic_store(table_word(table, slot), live);",
     "    atomic_store(table_word(table, slot), live);\n    atomic_store_explicit(table_previous(table, slot), live, memory_order_release);", STORE),
    ("the oldest record of the other shards is not asked", "store/lmdb/gc_judge.c", "if (i != gc->shard->number && oldest != 0 && oldest < locator)",
     "if (i != gc->shard->number && oldest != 0 && oldest < locator && false)", ["unit_store_gc", "unit_store_gc_round"]),
    ("a rebuild takes the later record, not the higher revision", "store/lmdb/record_row.c",
     "return a->revision != b->revision ? a->revision > b->revision : a_locator > b_locator;", "return a_locator > b_locator;",
     ["unit_store_record", "unit_store_load", "unit_store_settle"]),
    ("a claim is settled without a look at what lies behind the watermark", "store/lmdb/settle.c", "    uint64_t from = published + 1;",
     "    uint64_t from = published + (UINT64_C(1) << 47);", ["unit_store_settle", "unit_store_crowd"]),
    ("the claim does not compare the word", "store/lmdb/writer.c",
     "if (!ses_table_take(store->table, slot, word, WORD_CLAIMED, store->number, &claimed)) {",
     "if (!ses_table_take(store->table, slot, atomic_load(table_word(store->table, slot)), WORD_CLAIMED, store->number,\n"
     "                        &claimed)) {", STORE),
    ("the warning goes to and fro about 80 %", "store/lmdb/collect.c", "store->pressed_logged ? STORE_RELIEVED_PERCENT : STORE_PRESSED_PERCENT",
     "STORE_PRESSED_PERCENT", ["unit_store_pressed"]),
    ("an old copy holds back its shard", "store/lmdb/gc_judge.c", "(is_old_copy(gc, subject) || gc->pressed ||", "(gc->pressed ||", ["unit_store_gc"]),
    ("a merchant's share is no bound", "store/lmdb/share.c", "return owner_percent >= 100 ||", "return owner_percent >= 1 ||", ["unit_store_share"]),
    ("a place that was freed stays its merchant's", "store/lmdb/table_entry.c", "    count_owner(table, owner, -1);", "    (void)owner;", ["unit_store_share"]),
    ("other credentials are taken for the same", "src/domain/idempotency.c",
     "return !stored->known || memcmp(stored->bytes, given->bytes, sizeof(stored->bytes)) == 0;",
     "return !stored->known || memcmp(stored->bytes, given->bytes, 0) == 0;", ["unit_domain_idempotency"]),
    ("an expired session is replayed", "src/domain/idempotency.c",
     "stored->expires_ms <= now_ms || stored->status == SES_SESSION_EXPIRED", "stored->status == SES_SESSION_EXPIRED", ["unit_domain_idempotency"]),
    ("the amount is no part of what must agree", "src/domain/idempotency.c", "if (stored->minor_amount != given->minor_amount)",
     "if (stored->minor_amount != given->minor_amount && false)", ["unit_domain_idempotency"]),
    ("a token's signature is not looked at", "src/token/paseto.c",
     "if (crypto_sign_verify_detached(signature, scratch->bytes, pae_len, public_key) != 0)",
     "if (crypto_sign_verify_detached(signature, scratch->bytes, pae_len, public_key) != 0 && false)", ["unit_token_token", "unit_token_vectors"]),
    ("a test token passes in live mode", "src/token/token.c", "if (claims->test != test)", "if (claims->test != test && false)",
     ["unit_token_token", "unit_method_session_access"]),
    ("the tenant of a token is not compared", "src/method/session_access.c", "if (!same_tenant(a))", "if (!same_tenant(a) && false)",
     ["unit_method_session_access"]),
]


def sh(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)


def copy_tree(to):
    names = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, names):
        source = ROOT / os.fsdecode(name)
        if source.is_file():
            target = to / os.fsdecode(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def build(tree, programs, jobs):
    return sh("cmake", "--build", tree / "build", "-j", str(jobs), "--target", *programs)


def configure(tree, jobs):
    done = sh("cmake", "-S", tree, "-B", tree / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug", "-DSES_SANITIZE=address,undefined", "-DSES_WERROR=OFF")
    programs = sorted({program for fault in FAULTS for program in fault[4]})
    if done.returncode == 0:
        done = build(tree, programs, jobs)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:] + "\nmutation: the unchanged copy does not build")
    for program in programs:
        if not passes(tree, program):
            sys.exit(f"mutation: {program} fails without any fault")


def passes(tree, program):
    environment = dict(os.environ, SES_SOURCE_DIR=str(tree), ASAN_OPTIONS="detect_leaks=1:exitcode=99", UBSAN_OPTIONS="halt_on_error=1")
    try:
        return sh(tree / "build" / program, cwd=tree / "build", env=environment, timeout=LIMIT_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def noticed_by(tree, programs):
    return next((program for program in programs if not passes(tree, program)), None)


def try_fault(tree, fault, jobs):
    """None when a test noticed; else what is wrong. Prints who did."""
    name, file, stands, planted, programs = fault
    path = tree / file
    text = path.read_text()
    if text.count(stands) != 1:
        return f"{file} has {text.count(stands)} places like this; the fault must be written anew"
    path.write_text(text.replace(stands, planted))
    try:
        done = build(tree, programs, jobs)
        if done.returncode != 0:
            return "does not build:\n" + done.stdout[-1500:]
        program = noticed_by(tree, programs)
        if program is None:
            return "no test noticed: " + ", ".join(programs)
        print(f"noticed   {name}: {program}", flush=True)
        return None
    finally:
        path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="only faults with this word in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    chosen = [fault for fault in FAULTS if options.only in fault[0]]
    failed = 0
    with tempfile.TemporaryDirectory(prefix="sessiond-mutation-") as folder:
        tree = pathlib.Path(folder)
        copy_tree(tree)
        configure(tree, options.jobs)
        for fault in chosen:
            wrong = try_fault(tree, fault, options.jobs)
            if wrong is not None:
                failed += 1
                print(f"UNNOTICED {fault[0]}: {wrong}", flush=True)
    print(f"mutation: {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
