"""Programs that do one step or call whenever encoder.py tells them to, and what it cost."""
import json
import os
import statistics
import subprocess
import sys

TICK = os.sysconf("SC_CLK_TCK")


def busy_s(path, first, last):
    """Processor time of the machine (/proc/stat: user, nice, system, then beyond idle and iowait irq, softirq, steal) or of a process."""
    with open(path, encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[-1].split("\n", 1)[0].split()
    return sum(int(x) for x in fields[first:last]) / TICK


def machine_busy_s():
    return busy_s("/proc/stat", 1, 4) + busy_s("/proc/stat", 6, 9)


class Contender:
    """A process that does one step or call whenever it is told to. A sample counts as disturbed where other programs had more than a tenth of
    the machine meanwhile; medians and bests are over the others where there are enough. `times` samples are taken at a turn, after one that does
    not count where the contender is to be `warm`: a short call would otherwise be measured with another program's data in the caches."""

    def __init__(self, name, command, env, rounds=1 << 30, times=1, warm=False):
        self.name, self.rounds, self.times, self.warm = name, rounds, times, warm
        self.all, self.last = [], {}
        self.process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("encoder.py: %s stopped" % self.name)
        return json.loads(line)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.answer()

    def run(self, keep=True):
        mine = "/proc/%d/stat" % self.process.pid
        others = busy_s(mine, 11, 13) - machine_busy_s()
        self.last = self.ask("run")
        others += machine_busy_s() - busy_s(mine, 11, 13)
        if keep:
            self.all.append((self.last["s"], others <= 0.1 * os.cpu_count() * self.last["s"] + 2 / TICK))
        return self.last

    @property
    def samples(self):
        quiet = [s for s, undisturbed in self.all if undisturbed]
        return quiet if len(quiet) >= min(3, (len(self.all) + 1) // 2) else [s for s, _ in self.all]

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self):
        return statistics.median(self.samples)
