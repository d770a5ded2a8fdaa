"""The checker of histories itself: it must accept what is right and catch every planted violation."""
import dataclasses
import math
import random
import unittest

import linearizable as checker
from linearizable import INITIAL, Call, explain, judge, linearizable, step


def obj(version, generation, customer="", text=""):
    return ("object", version, generation, customer, text)


class Checker(unittest.TestCase):
    def right(self, *calls):
        self.assertTrue(linearizable(calls))
        self.assertEqual(explain(calls), "linearizable")

    def wrong(self, *calls):
        self.assertFalse(linearizable(calls))
        self.assertIn("inexplicable", explain(calls))

    def test_one_after_the_other(self):
        self.right(Call(0, 1, "get", 1, answer=obj(1, 1)), Call(2, 3, "advance", 1, 1, "a", obj(2, 1, "a")),
                   Call(4, 5, "get", 1, answer=obj(2, 1, "a")))

    def test_at_the_same_time_both_orders(self):
        write = Call(0, 10, "advance", 1, 1, "a", obj(2, 1, "a"))
        for answer in (obj(1, 1), obj(2, 1, "a")):
            self.right(write, Call(1, 9, "get", 1, answer=answer))

    def test_stale_read_after_an_acknowledged_write(self):
        self.wrong(Call(0, 1, "advance", 1, 1, "a", obj(2, 1, "a")), Call(2, 3, "get", 1, answer=obj(1, 1)))

    def test_read_from_the_future(self):
        self.wrong(Call(0, 1, "get", 1, answer=obj(2, 1, "a")), Call(2, 3, "advance", 1, 1, "a", obj(2, 1, "a")))

    def test_lost_update(self):
        self.wrong(Call(0, 10, "advance", 1, 1, "a", obj(2, 1, "a")), Call(0, 10, "advance", 1, 1, "b", obj(2, 1, "b")))

    def test_two_unconditional_writes_take_two_versions(self):
        self.right(Call(0, 10, "advance", 1, 0, "a", obj(3, 1, "a")), Call(0, 10, "advance", 1, 0, "b", obj(2, 1, "b")))
        self.wrong(Call(0, 10, "advance", 1, 0, "a", obj(2, 1, "a")), Call(0, 10, "advance", 1, 0, "b", obj(2, 1, "b")))

    def test_skipped_version(self):
        self.wrong(Call(0, 1, "advance", 1, 1, "a", obj(3, 1, "a")))

    def test_reads_go_backwards(self):
        write = Call(0, 10, "advance", 1, 1, "a", obj(2, 1, "a"))
        self.wrong(write, Call(1, 2, "get", 1, answer=obj(2, 1, "a")), Call(3, 4, "get", 1, answer=obj(1, 1)))

    def test_abort_must_name_the_current_version(self):
        write = Call(0, 1, "advance", 1, 1, "a", obj(2, 1, "a"))
        self.right(write, Call(2, 3, "advance", 1, 1, "b", ("aborted", 2)))
        self.wrong(write, Call(2, 3, "advance", 1, 1, "b", ("aborted", 3)))

    def test_abort_without_a_reason(self):
        self.wrong(Call(0, 1, "advance", 1, 1, "a", ("aborted", 1)))

    def test_superseded_token_accepted(self):
        update = Call(0, 1, "update", 1, 1, "t", obj(2, 2, "", "t"))
        self.right(update, Call(2, 3, "get", 1, answer=("superseded", 2)), Call(4, 5, "get", 2, answer=obj(2, 2, "", "t")))
        self.wrong(update, Call(2, 3, "get", 1, answer=obj(2, 2, "", "t")))
        self.wrong(update, Call(2, 3, "advance", 1, 0, "a", obj(3, 2, "a", "t")))

    def test_refused_too_early(self):
        self.wrong(Call(0, 1, "get", 1, answer=("superseded", 2)), Call(2, 3, "update", 1, 1, "t", obj(2, 2, "", "t")))

    def test_mixed_object(self):
        """A read that shows one write's version with another's content."""
        self.wrong(Call(0, 1, "advance", 1, 0, "a", obj(2, 1, "a")), Call(2, 3, "advance", 1, 0, "b", obj(3, 1, "b")),
                   Call(4, 5, "get", 1, answer=obj(3, 1, "a")))

    def test_lost_field_of_a_merge(self):
        self.wrong(Call(0, 1, "update", 1, 0, "t", obj(2, 2, "", "t")), Call(2, 3, "advance", 2, 0, "a", obj(3, 2, "a", "")))

    def test_without_an_answer(self):
        unknown = Call(0, math.inf, "advance", 1, 0, "a")
        self.right(unknown, Call(1, 2, "get", 1, answer=obj(1, 1)))
        self.right(unknown, Call(1, 2, "get", 1, answer=obj(1, 1)), Call(3, 4, "get", 1, answer=obj(2, 1, "a")))
        # Once, not twice; and not undone.
        self.wrong(unknown, Call(1, 2, "get", 1, answer=obj(3, 1, "a")))
        self.wrong(unknown, Call(1, 2, "get", 1, answer=obj(2, 1, "a")), Call(3, 4, "get", 1, answer=obj(1, 1)))

    def simulate(self, dice, count, at_once):
        """A right history: calls of some clients that take effect at one instant between begin and end."""
        state, clock, calls = INITIAL, 0.0, []
        free = [0.0] * at_once
        for number in range(count):
            clock += dice.random()
            client = dice.randrange(at_once)
            began = max(free[client], clock - 2 * dice.random())
            clock = max(clock, began)
            free[client] = clock + 2 * dice.random()
            call = Call(began, free[client], dice.choice(("get", "advance", "advance", "update")), max(1, state[1] - (dice.random() < 0.2)),
                        dice.choice((0, state[0], max(1, state[0] - 1))), f"v{number}")
            state, answer = step(state, call)
            calls.append(dataclasses.replace(call, answer=answer) if dice.random() < 0.95
                         else dataclasses.replace(call, ended=math.inf))
        return calls

    def test_simulated_histories(self):
        dice = random.Random(7)
        caught = 0
        for _ in range(150):
            calls = self.simulate(dice, 80, 6)
            self.assertTrue(linearizable(calls))
            # The same history with one answered write whose version is told one too low.
            writes = [i for i, call in enumerate(calls) if call.kind != "get" and call.answer and call.answer[0] == "object"]
            broken = dice.choice(writes)
            answer = ("object", calls[broken].answer[1] - 1, *calls[broken].answer[2:])
            caught += not linearizable([dataclasses.replace(call, answer=answer) if i == broken else call for i, call in enumerate(calls)])
        self.assertGreaterEqual(caught, 147)  # now and then a concurrent lost answer explains it

    def test_too_much_at_once_is_undecided_and_judged_as_far_as_it_goes(self):
        calls = self.simulate(random.Random(7), 80, 6)
        answers = sum(call.answer is not None for call in calls)
        self.assertEqual(judge(calls), (True, answers))
        whole, checker.CONFIGURATIONS_MAX = checker.CONFIGURATIONS_MAX, 60
        try:
            with self.assertRaises(checker.Undecided):
                linearizable(calls)
            right, judged = judge(calls)
            self.assertTrue(right)
            self.assertTrue(0 < judged < answers, judged)
            # What is wrong at the beginning is found all the same.
            first = min((call for call in calls if call.answer), key=lambda call: call.ended)
            wrong = [dataclasses.replace(call, answer=("object", 99, 99, "", "")) if call is first else call for call in calls]
            self.assertFalse(judge(wrong)[0])
        finally:
            checker.CONFIGURATIONS_MAX = whole


if __name__ == "__main__":
    unittest.main()
