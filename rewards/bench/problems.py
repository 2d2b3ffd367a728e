"""The problems of the bench: small tasks with a right and a wrong program for each, in Python and in C++.

All have one signature, so that one reader serves them all: a list of numbers and one more number, to a number.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

Numbers = list[int]
_LENGTH: Final = (20, 60)
_VALUES: Final = (1, 50)
_ASKED: Final = (2, 12)
_STATEMENT: Final = "def solve(numbers, k):\n"


class Problem(NamedTuple):
    """One task; each text is a whole definition of `solve`."""

    name: str
    python: str
    python_wrong: str
    cpp: str
    cpp_wrong: str


class Case(NamedTuple):
    """What `solve` is given, and what it has to answer."""

    numbers: Numbers
    k: int
    expected: int


def cases(problem: Problem, number: int, random: Random) -> list[Case]:
    """So many cases, of which the wrong program fails one at least."""
    found: list[Case] = []
    while len(found) < number:
        numbers = [random.randint(*_VALUES) for _ in range(random.randint(*_LENGTH))]
        k = random.randint(*_ASKED)
        expected = solved(problem.python, numbers, k)
        last = len(found) + 1 == number
        if last and first_failed(problem, found) is None and solved(problem.python_wrong, numbers, k) == expected:
            continue
        found.append(Case(numbers, k, expected))
    return found


def first_failed(problem: Problem, tests: list[Case]) -> int | None:
    """Which test the wrong program fails first."""
    answers = (solved(problem.python_wrong, case.numbers, case.k) for case in tests)
    return next((index for index, answer in enumerate(answers) if answer != tests[index].expected), None)


def solved(source: str, numbers: Numbers, k: int) -> int:
    """What one of the programs below answers."""
    return _function(source)(list(numbers), k)


@lru_cache
def _function(source: str) -> Callable[[Numbers, int], int]:
    # Ours, from this file: nothing that a model wrote is run here.
    names: dict[str, Callable[[Numbers, int], int]] = {}
    exec(source, names)
    return names["solve"]


def _python(body: str, imports: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"{imports}{_STATEMENT}{lines}"


def _cpp(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    return f"long long solve(std::vector<long long> numbers, long long k) {{\n{lines}}}\n"


def _problem(
    name: str, *, imports: str = "", python: str, cpp: str, wrong: tuple[tuple[str, str], tuple[str, str]]
) -> Problem:
    """The wrong programs are the right ones with one slip each: (what stands there, what stands there instead)."""
    slip, cpp_slip = wrong
    for text, (right, _) in ((python, slip), (cpp, cpp_slip)):
        assert text.count(right) == 1, (name, right)
    return Problem(
        name,
        _python(python, imports),
        _python(python.replace(*slip), imports),
        _cpp(cpp),
        _cpp(cpp.replace(*cpp_slip)),
    )


PROBLEMS: Final = (
    _problem(
        "pairs whose sum k divides",
        imports="from collections import Counter\n\n\n",
        python="""
seen = Counter()
pairs = 0
for number in numbers:
    pairs += seen[-number % k]
    seen[number % k] += 1
return pairs
""",
        cpp="""
std::map<long long, long long> seen;
long long pairs = 0;
for (long long number : numbers) {
    pairs += seen[(k - number % k) % k];
    seen[number % k]++;
}
return pairs;
""",
        wrong=(("seen[-number % k]", "seen[number % k]"), ("seen[(k - number % k) % k]", "seen[number % k]")),
    ),
    _problem(
        "largest sum of k neighbours",
        python="""
total = best = sum(numbers[:k])
for index in range(k, len(numbers)):
    total += numbers[index] - numbers[index - k]
    best = max(best, total)
return best
""",
        cpp="""
long long total = std::accumulate(numbers.begin(), numbers.begin() + k, 0LL), best = total;
for (std::size_t index = k; index < numbers.size(); index++) {
    total += numbers[index] - numbers[index - k];
    best = std::max(best, total);
}
return best;
""",
        wrong=(("len(numbers)):", "len(numbers) - 1):"), ("index < numbers.size()", "index + 1 < numbers.size()")),
    ),
    _problem(
        "k-th smallest of the distinct",
        imports="import heapq\n\n\n",
        python="""
smallest = heapq.nsmallest(k, set(numbers))
return smallest[-1]
""",
        cpp="""
std::set<long long> distinct(numbers.begin(), numbers.end());
auto at = distinct.begin();
for (long long left = std::min<long long>(k, distinct.size()); left > 1; left--) ++at;
return *at;
""",
        wrong=(("set(numbers)", "numbers"), ("std::set<", "std::multiset<")),
    ),
    _problem(
        "fewest numbers that make up k times 10",
        python="""
goal = 10 * k
fewest = [0] + [-1] * goal
for amount in range(1, goal + 1):
    before = [fewest[amount - number] for number in numbers if number <= amount and fewest[amount - number] >= 0]
    fewest[amount] = min(before) + 1 if before else -1
return fewest[goal]
""",
        cpp="""
long long goal = 10 * k;
std::vector<long long> fewest(goal + 1, -1);
fewest[0] = 0;
for (long long amount = 1; amount <= goal; amount++)
    for (long long number : numbers)
        if (number <= amount && fewest[amount - number] >= 0 &&
            (fewest[amount] < 0 || fewest[amount - number] + 1 < fewest[amount]))
            fewest[amount] = fewest[amount - number] + 1;
return fewest[goal];
""",
        wrong=(("goal = 10 * k", "goal = 10 * k + 1"), ("goal = 10 * k", "goal = 10 * k + 1")),
    ),
    _problem(
        "longest rising subsequence, k added",
        imports="from bisect import bisect_left, bisect_right\n\n\n",
        python="""
ends = []
for number in numbers:
    at = bisect_left(ends, number)
    ends[at:at + 1] = [number]
return len(ends) + k
""",
        cpp="""
std::vector<long long> ends;
for (long long number : numbers) {
    auto at = std::lower_bound(ends.begin(), ends.end(), number);
    if (at == ends.end()) ends.push_back(number);
    else *at = number;
}
return static_cast<long long>(ends.size()) + k;
""",
        wrong=(("bisect_left(", "bisect_right("), ("std::lower_bound(", "std::upper_bound(")),
    ),
    _problem(
        "inversions further apart than k",
        python="""
count = 0
for first in range(len(numbers)):
    for second in range(first + k + 1, len(numbers)):
        count += numbers[first] > numbers[second]
return count
""",
        cpp="""
long long count = 0;
for (std::size_t first = 0; first < numbers.size(); first++)
    for (std::size_t second = first + k + 1; second < numbers.size(); second++)
        count += numbers[first] > numbers[second];
return count;
""",
        wrong=(("first + k + 1", "first + k"), ("first + k + 1", "first + k")),
    ),
)
