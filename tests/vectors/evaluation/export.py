"""Writes evaluation.vec: random intervals and events, and what the reference implementation of the rules makes of them.

    python3 export.py FOLDER > evaluation.vec      FOLDER holds evaluate_intervals.py; needs numpy

A case is a line `case FROM TO`, a line `e KEYWORD KIND DETECTABLE ONSET END` for each event, a line `i KEYWORD FROM TO`
for each interval in order, and a line `= BURSTS FOUND HITS FALSE COORDINATED FALSE_MINUTES STARTS LATENCIES`."""
import random
import sys

sys.path.insert(0, sys.argv[1])
from evaluate_intervals import evaluate

KINDS = {"burst": 0, "spam": 1, "coord": 2, "bot": 3}


def make_case(dice):
    words, minutes = dice.randint(3, 30), dice.randint(200, 900)
    events, intervals = [], []
    for _ in range(dice.randint(0, 3 * words)):
        onset = dice.randrange(minutes)
        events.append(dict(kw=dice.randrange(words), kind=dice.choice(list(KINDS)[:1] * 3 + list(KINDS)),
                           det=dice.random() < .7, t0=onset, t1=min(minutes, onset + dice.randint(3, 90))))
    for word in range(words):
        at = dice.randrange(200)
        while at < minutes:
            end = at + dice.randint(1, 60)
            intervals.append((word, at, end))
            at = end + dice.choice((1, 5, 19, 20, 21, 22, 60, 200)) + dice.randint(0, 2)
    return events, intervals, dice.choice((0, 12, 60)), minutes


def main():
    dice = random.Random(20260105)
    for _ in range(200):
        events, intervals, start, end = make_case(dice)
        result = evaluate(intervals, events, start, end)
        hours = (end - start) / 60
        false = round(result["false_alarms_per_hour"] * hours)
        hits = round(result["precision"] * false / (1 - result["precision"])) if result["precision"] < 1 else None
        found = round(result["recall"] * max(1, result["bursts"]))
        if hits is None:
            continue  # precision 1 says nothing about the number of hits
        print("case", start, end)
        for e in events:
            print("e", e["kw"], KINDS[e["kind"]], int(e["det"]), e["t0"], e["t1"])
        for i in intervals:
            print("i", *i)
        print("=", result["bursts"], found, hits, false, round(result["coordinated_per_hour"] * hours),
              round(result["false_shown"] * (end - start)), round(result["starts_per_burst"] * max(1, found)),
              -1 if result["latency_median"] is None else result["latency_median"],
              -1 if result["latency_p90"] is None else "%.9f" % result["latency_p90"])


main()
