"""The protocol between bluefin-bench and a search of another package.

The program is this file followed by that of an engine, which ends with
serve(Engine). The only argument is JSON: sampler, seed, trials (0: unknown),
workers, objectives (how many to minimize), first (a point to try first, or
null), spread (that of a belief that good points are near it, as a share of the
ranges; 0: none), epochs (of a full training; 0: there are none) and space, a
list of parameters with name and dist. Each line of standard input is a request,
each answered by a line of standard output, all of them JSON, with values in
internal form:

    {"ask": true}                               -> {"number": 0}
    {"number": 0, "name": "x", "dist": "{...}"} -> {"value": 0.3}
    {"number": 0, "epoch": 2, "report": [1.7]}  -> {"taken": 1, "stop": false}
    {"number": 0, "tell": 1.5, "whole": true}   -> {}, or a list for several objectives

A report has the values after an epoch and those that follow it; a search takes
them one by one until it stops the trial. The answer to ask may say until which
epoch to train, and may name an earlier trial, which then continues. If whole is
false, a trial did not train to its end.

The first line that is written says which version it is.
"""

import json
import math
import sys
import warnings


class Dim:
    """A parameter: kind is float, int (of levels, if step is not 1) or cat."""

    def __init__(self, name, dist):
        attributes = json.loads(dist)["attributes"]
        self.name = name
        self.choices = attributes.get("choices")
        self.low, self.high = attributes.get("low", 0), attributes.get("high")
        self.log, self.step = attributes.get("log", False), attributes.get("step")
        self.kind = {"F": "float", "I": "int", "C": "cat"}[json.loads(dist)["name"][0]]
        if self.choices:
            self.high, self.step = len(self.choices) - 1, 1
        # Few packages know steps, so those of more than one are searched by their index.
        self.indexed = self.kind != "cat" and self.step is not None and (self.kind == "float" or self.step != 1)
        if self.indexed:
            self.kind = "int"
            self.first, self.top, self.low = self.low, self.high, 0
            self.high = int(math.floor((self.high - self.first) / self.step + 1e-9))

    def internal(self, value):
        """The internal value of what an engine chose: a number, or the index of a choice."""
        if self.kind != "float":
            value = int(round(float(value)))
        value = min(max(value, self.low), self.high)
        return float(min(self.first + value * self.step, self.top) if self.indexed else value)

    def external(self, x):
        """The inverse of internal."""
        if self.indexed:
            x = (x - self.first) / self.step
        return int(round(x)) if self.kind != "float" else x


class Whole:
    """An engine that draws all parameters when it is asked: propose and observe do the work.

    Parameters that do not matter are drawn all the same.
    """

    def __init__(self, task):
        self.task = task
        self.dims = [Dim(d["name"], d["dist"]) for d in task["space"]]
        self.asked = 0
        self.running = {}

    def ask(self):
        number, self.asked = self.asked, self.asked + 1
        first = self.task["first"]
        if number == 0 and first is not None:
            # What is not in it would not matter there, so any value does.
            point = {d.name: d.external(first[d.name]) if d.name in first else d.low for d in self.dims}
            self.running[number] = self.given(point), point
        else:
            self.running[number] = self.propose()
        return {"number": number}

    def given(self, point):
        """The token of a point that was not proposed."""
        return point

    def suggest(self, number, name, dist):
        point = self.running[number][1]
        return next(d.internal(point[d.name]) for d in self.dims if d.name == name)

    def report(self, number, epoch, value):
        return False

    def tell(self, number, value, whole):
        self.observe(self.running.pop(number)[0], value)


class Leveled(Whole):
    """An engine that says how long to train: propose returns the epochs, too.

    A point that it proposes again is the same trial. An engine that cannot be
    given a point need not be: the first one is trained all the same.
    """

    def __init__(self, task):
        super().__init__(task)
        self.numbers = {}

    def ask(self):
        first = self.task["first"]
        if self.asked == 0 and first is not None:
            super().ask()
            (token, point), until = self.running[0], self.task["epochs"]
            self.asked = 0
        else:
            token, point, until = self.propose()
        number = self.numbers.setdefault(json.dumps(point, sort_keys=True, default=float), self.asked)
        self.asked = max(self.asked, number + 1)
        self.running[number] = token, point
        return {"number": number, "until": max(1, int(round(until)))}

    def given(self, point):
        return None

    def tell(self, number, value, whole):
        token, _ = self.running[number]
        if token is not None:
            self.observe(token, value)


def serve(engine):
    warnings.simplefilter("ignore")
    # What packages print must not be taken for answers.
    out, sys.stdout = sys.stdout, sys.stderr
    search = engine(json.loads(sys.argv[1]))
    answer = {"version": search.version}
    while True:
        print(json.dumps(answer), file=out, flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        if "ask" in request:
            answer = search.ask()
        elif "name" in request:
            answer = {"value": search.suggest(request["number"], request["name"], request["dist"])}
        elif "report" in request:
            taken, stop = 0, False
            for value in request["report"]:
                stop = search.report(request["number"], request["epoch"] + taken, value)
                taken += 1
                if stop:
                    break
            answer = {"taken": taken, "stop": stop}
        else:
            search.tell(request["number"], request["tell"], request["whole"])
            answer = {}
