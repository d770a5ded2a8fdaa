"""Is a recorded history of one session linearizable? A search in the manner of Wing and Gong (1993), with the memory of visited
configurations that Lowe (2017) adds.

The object: (version, generation, customer, text). What is demanded of every call is written here from the protocol's comments and shares
nothing with the server:
  get      with a token of generation g: answers the whole object if g is current, else names the current generation
  advance  generation first, then expected_version (0: any), then version + 1 and a new customer; else names the current version
  update   the same with a new text, and generation + 1
Values are unique, so every accepted write is a change. A call without an answer may have happened at any time after it began, or never.
"""
import dataclasses
import math

CONFIGURATIONS_MAX = 2_000_000
INITIAL = (1, 1, "", "")


@dataclasses.dataclass(frozen=True)
class Call:
    began: float
    ended: float  # math.inf: no answer
    kind: str  # get, advance, update
    generation: int  # of the token that was presented
    expected: int = 0
    value: str = ""
    answer: tuple = None  # None: no answer


def step(state, call):
    """(state after the call, the only right answer)."""
    version, generation, customer, text = state
    if call.generation != generation:
        return state, ("superseded", generation)
    if call.kind == "get":
        return state, ("object", *state)
    if call.expected not in (0, version):
        return state, ("aborted", version)
    if call.kind == "advance":
        state = (version + 1, generation, call.value, text)
    else:
        state = (version + 1, generation + 1, customer, call.value)
    return state, ("object", *state)


class Undecided(Exception):
    """The search was too long: a history with too much at once. Says nothing about the history."""


def linearizable(calls, initial=INITIAL):
    """True if some order of the calls, in which each stands between its begin and its end, explains every answer."""
    calls = sorted(calls, key=lambda call: call.began)
    answered = sum(1 << i for i, call in enumerate(calls) if call.answer is not None)
    seen = {(0, initial)}
    stack = [(0, initial)]
    while stack:
        done, state = stack.pop()
        if done & answered == answered:
            return True
        for i in candidates(calls, done):
            after, right = step(state, calls[i])
            if calls[i].answer is not None and calls[i].answer != right:
                continue
            if calls[i].answer is None and after == state:
                continue  # without an answer and without an effect: the same as never
            configuration = (done | 1 << i, after)
            if configuration not in seen:
                if len(seen) == CONFIGURATIONS_MAX:
                    raise Undecided(f"{len(calls)} calls")
                seen.add(configuration)
                stack.append(configuration)
    return False


def prefix(calls, count):
    """What had been seen when the count-th answer came: the calls that had begun by then, those without an answer yet as such. If the whole
    is linearizable, then so is each prefix of it."""
    ended = sorted((call for call in calls if call.answer is not None), key=lambda call: call.ended)
    if count >= len(ended):
        return list(calls)
    bound = ended[count - 1].ended
    return [call if call.ended <= bound else dataclasses.replace(call, answer=None, ended=math.inf)
            for call in calls if call.began < bound]


def judge(calls, initial=INITIAL):
    """(verdict, answers judged): the longest prefix, halved as often as the search was too long, that can be decided. True of the whole if
    the count is that of all answers; False is a violation in any case."""
    count = sum(call.answer is not None for call in calls)
    while count > 0:
        try:
            return linearizable(prefix(calls, count), initial), count
        except Undecided:
            count //= 2
    return True, 0


def candidates(calls, done):
    """Calls that may come next: none of the others that are still to come had ended before it began."""
    first = (~done & done + 1).bit_length() - 1  # all calls before that one are done
    bound, found = math.inf, []
    for i in range(first, len(calls)):
        if calls[i].began > bound:
            break
        if not done >> i & 1:
            found.append(i)
            bound = min(bound, calls[i].ended)
    return [i for i in found if calls[i].began <= bound]


def explain(calls, initial=INITIAL):
    """The longest prefix, by end, that is still linearizable, and the call that breaks it: for a person to look at."""
    ended = sorted((call for call in calls if call.answer is not None), key=lambda call: call.ended)
    for count in range(1, len(ended) + 1):
        bound = ended[count - 1].ended
        if not linearizable(prefix(calls, count), initial):
            near = [call for call in calls if call.ended >= ended[count - 1].began and call.began <= bound]
            return "\n".join([f"first inexplicable answer: {ended[count - 1]}", "at the same time:", *map(str, near)])
    return "linearizable"
