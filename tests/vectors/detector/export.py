#!/usr/bin/env python3
"""Write detector.vec: counts of a few hundred keywords over several hours, and what the reference detector made of them.

    tests/vectors/detector/export.py FOLDER_OF_THE_REFERENCE > tests/vectors/detector/detector.vec

Needs numpy and the reference (detector.py). The counts come from our own generator below: Poisson words of very different
frequency with clumps, bursts, a volume surge, an outage, words that are new, and a few that many mention but few write.
Text, one record a line, so that a difference can be read:

    L <languages> W <keywords> T <slides>
    K <language of keyword 0> <of keyword 1> ...
    for each slide t:
      T <N of language 0> <of 1> ...
      C <gap><x>[.<d>] ...                    what minute t adds to the windows' counts, where x > 0; d only where it is
                                              not x; <gap> is the number of words skipped, a = 0 to y = 24, z = 25 more;
                                              no spaces. A window is the sum of 10 minutes, t the last.
      S <keyword>:<E>:<z>:<growth> ...        some of the candidates (x >= 10 in the window)
      O <keyword> ...                         trends that are on, only where that has changed
"""
import sys
import types

import numpy as np

LANGUAGES, WORDS, SLIDES, WINDOW, MIN_FREQUENCY = 3, 230, 890, 10, 10


def counts(rng):
    """x and d of every word in every minute (mentions; authors that are new in it)."""
    language = rng.choice(LANGUAGES, WORDS, p=[.6, .3, .1])
    rate = np.exp(rng.uniform(np.log(.01), np.log(30), WORDS))
    rate[WORDS - 40:] = 0  # words nobody has used before their burst
    shape = rng.uniform(2, 12, WORDS)
    volume = np.ones((SLIDES, LANGUAGES))
    volume[300:330] *= 2.5
    volume[500:520, 0] *= 2
    volume[620:625] *= .05
    minutes = np.zeros((SLIDES, WORDS), int)
    for t in range(SLIDES):
        minutes[t] = rng.poisson(rate * volume[t][language] * rng.gamma(shape, 1 / shape))
    for w in list(range(WORDS - 40, WORDS)) + list(rng.choice(WORDS - 40, 50, replace=False)):
        onset, rise, plateau, tau = rng.integers(2, SLIDES - 40), rng.integers(1, 30), rng.integers(3, 25), rng.uniform(5, 50)
        peak = np.exp(rng.uniform(np.log(1), np.log(60))) + 3 * rate[w]
        k = np.arange(min(SLIDES - onset, int(rise + plateau + 5 * tau)))
        curve = np.where(k < rise, (k + 1) / rise, np.where(k < rise + plateau, 1, np.exp(-(k - rise - plateau) / tau)))
        minutes[onset:onset + len(k), w] += rng.poisson(peak * curve)
    minutes[130:, WORDS // 2] = rng.poisson(40, SLIDES - 130)  # on for longer than a baseline stays frozen
    minutes[:130, WORDS // 2] = 0
    authors = rng.binomial(minutes, .93)
    for w in rng.choice(WORDS, 6, replace=False):  # one author, many posts
        t = rng.integers(40, SLIDES - 20)
        minutes[t:t + 12, w] += rng.poisson(8, 12)
        authors[t:t + 12:10, w] += 1
    return language, minutes, authors


def windows(minutes):
    total = np.cumsum(np.vstack([np.zeros((1, minutes.shape[1]), int), minutes]), axis=0)
    return np.array([total[t + 1] - total[max(0, t + 1 - WINDOW)] for t in range(len(minutes))])


def main():
    sys.path.insert(0, sys.argv[1])
    from detector import Detector

    language, minutes, authors = counts(np.random.default_rng(20240607))
    x10, d10 = windows(minutes), windows(authors)
    out = sys.stdout
    out.write('L %d W %d T %d\n' % (LANGUAGES, WORDS, SLIDES))
    out.write('K ' + ' '.join(map(str, language)) + '\n')
    detector, shown = Detector(WORDS, language, LANGUAGES), None
    for t in range(SLIDES):
        x, d = x10[t], d10[t]
        n = np.bincount(language, weights=d, minlength=LANGUAGES)
        candidates = np.nonzero(x >= MIN_FREQUENCY)[0]
        g, expected, _, _, _ = detector.expect(candidates, n)
        z, growth = detector.score(types.SimpleNamespace(t=t, Ng=n, d10=d.astype(float), x10=x), candidates)
        on = np.nonzero(detector.on >= 0)[0]
        out.write('T ' + ' '.join('%d' % v for v in n) + '\n')
        last, cells = 0, []
        for w in np.nonzero(minutes[t])[0]:
            gap, last = w - last, w + 1
            cells.append('z' * (gap // 25) + chr(ord('a') + gap % 25) + str(minutes[t, w]))
            if minutes[t, w] != authors[t, w]:
                cells.append('.%d' % authors[t, w])
        out.write('C ' + ''.join(cells) + '\n')
        tell = [i for i, w in enumerate(candidates) if (t + int(w)) % 43 == 0 or (w in on and (t + int(w)) % 7 == 0)]
        if tell:
            out.write('S ' + ' '.join('%d:%.8g:%.8g:%.8g' % (candidates[i], expected[i], z[i], growth[i]) for i in tell) + '\n')
        if shown is None or list(on) != shown:
            shown = list(on)
            out.write('O ' + ' '.join(map(str, shown)) + '\n')


main()
