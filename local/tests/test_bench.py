"""How the benchmarks process measured values. Nothing is measured here."""

import json
import os
import subprocess
import sys
import unittest

from dev import paths
from dev.bench import growth, machine, memory, replay, run, search, usage
from dev.bench.metrics import HOIDAP, Metric, Metrics, Summary, format_number, table
from dev.console import DevError

ROLLUP = "55a0-7ffd ---p 00000000 00:00 0  [rollup]\nRss:  204800 kB\nPss:  102400 kB\nPss_Dirty:  1024 kB\n"
CPUINFO = "processor\t: 0\nmodel name\t: A Processor 5000\nprocessor\t: 1\nmodel name\t: A Processor 5000\n"


class Values(unittest.TestCase):
    def test_a_summary_has_the_median_and_both_extremes(self):
        self.assertEqual(Summary.of([3.0, 1.0, 100.0]), Summary(3.0, 1.0, 100.0))
        self.assertEqual(Summary.of([1.0, 2.0]).median, 1.5)

    def test_numbers_have_three_significant_digits(self):
        written = [format_number(value) for value in (0, 0.01234, 4.567, 45.67, 456.7, 12345.6)]
        self.assertEqual(written, ["0", "0.012", "4.57", "45.7", "457", "12,346"])

    def test_each_peer_has_its_ratio(self):
        metric = Metric("questions/s", "1/s", {HOIDAP: [30.0, 40.0, 50.0], "a": [20.0], "b": [80.0], "c": []})
        self.assertEqual(metric.ratios(), {"a": 2.0, "b": 0.5})
        self.assertEqual(Metric("x", "ms", {"a": [1.0]}).ratios(), {})

    def test_the_file_has_every_value_with_its_summary(self):
        content = json.loads(json.dumps(Metric("p50", "ms", {HOIDAP: [1.0, 3.0]}).as_json()))
        self.assertEqual(content["sides"][HOIDAP], {"median": 2.0, "least": 1.0, "most": 3.0, "values": [1.0, 3.0]})

    def test_metrics_keep_the_order_in_which_they_were_added(self):
        metrics = Metrics()
        for value in (1.0, 2.0):
            metrics.add("second", "ms", "a", value)
            metrics.add("first", "ms", HOIDAP, value)
        self.assertEqual([metric.name for metric in metrics.all()], ["second", "first"])
        self.assertEqual(metrics.all()[1].values, {HOIDAP: [1.0, 2.0]})


class Table(unittest.TestCase):
    def test_a_row_for_each_peer_and_hoidaps_values_once(self):
        rows = table([
            Metric("rate", "1/s", {HOIDAP: [30.0, 40.0, 50.0], "bare": [80.0], "full": [20.0]}),
            Metric("alone", "ms", {HOIDAP: [5.0]}),
            Metric("only the peer's", "ms", {"bare": [7.0]}),
        ])  # fmt: skip
        self.assertEqual(rows[0].split(), ["metric", "Hoidap", "peer", "peer's", "Hoidap", "/", "peer"])
        self.assertRegex(rows[1], r"^rate, 1/s +40\.0 \(30\.0–50\.0\) +bare +80\.0 \(80\.0–80\.0\) +0\.500$")
        self.assertRegex(rows[2], r"^ +full +20\.0 \(20\.0–20\.0\) +2\.00$")
        self.assertRegex(rows[3], r"^alone, ms +5\.00 \(5\.00–5\.00\)$")
        self.assertRegex(rows[4], r"^only the peer's, ms +– +bare")
        self.assertEqual(rows[1].index("bare"), rows[2].index("full"))

    def test_memory_has_a_row_for_each_process_and_its_sum_last(self):
        process_metrics = [
            Metric(f"{process}: {kind} {phase}", "MiB", {side: [10.0]})
            for side, process in (("peer", "server"), (HOIDAP, memory.TOTAL), (HOIDAP, "gateway"))
            for phase in memory.PHASES
            for kind in memory.KINDS
        ]
        rows = memory.table([Metric("the files", "MiB", {HOIDAP: [80.0]}), *process_metrics])
        self.assertEqual([row.split()[:2] for row in rows[1:4]], [[HOIDAP, "gateway"], [HOIDAP, "own,"], ["peer", "server"]])
        self.assertEqual((rows[1].split()[2:], rows[4]), (["10.0"] * 4, "the files: 80.0 MiB"))

    def test_growth_has_a_row_for_each_process(self):
        values = zip(growth.COLUMNS.items(), (30.0, 31.0, 2.5), strict=True)
        metrics = [Metric(f"gateway: RSS {name}", unit, {HOIDAP: [value]}) for (name, unit), value in values]
        rows = growth.table(metrics)
        self.assertEqual((len(rows), rows[1].split()), (2, [HOIDAP, "gateway", "30.0", "31.0", "2.50"]))

    def test_growth_is_the_start_the_end_and_the_slope_of_the_second_half(self):
        minute = 1 / 60
        samples = [(60.0 * n, 50.0 + min(n, 5) + (n - 5) * minute * (n > 5)) for n in range(11)]
        start, end, slope = growth.memory_growth(samples)
        self.assertEqual((start, round(end, 2)), (51.0, 55.07))
        self.assertAlmostEqual(slope, 1.0)
        self.assertEqual(growth.memory_growth([(0.0, 7.0)]), (7.0, 7.0, 0.0))

    def test_the_speed_of_a_replay_is_parsed(self):
        output = "  480  same\n480 jobs in 3.1 s: 154.8 jobs/s, 1.6 times the speed of the traffic; reading alone: 9000 messages/s\n"
        self.assertEqual(replay.parse_speed(output), (480, 154.8))
        with self.assertRaisesRegex(DevError, "has no speed"):
            replay.parse_speed("nothing was replayed")

    def test_recall_is_the_share_of_nearest_neighbours_that_were_found(self):
        self.assertEqual(search.recall([[1, 2], [3, 4]], [[2, 9], [4, 3]]), 0.75)


class Commands(unittest.TestCase):
    def test_every_benchmark_is_described_in_the_documentation(self):
        page = (paths.ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
        for name, benchmark in run.BENCHMARKS.items():
            with self.subTest(name=name):
                self.assertIn(f"| `{name}` |", page)
                self.assertLess(len(benchmark.description), 140)

    def test_an_unknown_benchmark_is_refused_with_the_names_of_all(self):
        with self.assertRaisesRegex(DevError, "no benchmark `speed`: choose from questions, memory"):
            run.run(["speed"], 1, None, False, 1.0, None, True)


class Machine(unittest.TestCase):
    def test_the_processor_has_the_name_of_the_kernel(self):
        self.assertEqual(machine.cpu_model(CPUINFO), "A Processor 5000")

    def test_the_versions_of_the_peer_are_the_pinned_ones(self):
        requirements = (paths.ROOT / "bench" / "peer" / "requirements.txt").read_text()
        self.assertEqual(machine.pinned_versions(requirements)["onnxruntime"], "1.32.0")

    def test_the_peer_has_the_same_onnx_runtime_as_hoidap(self):
        requirements = (paths.ROOT / "bench" / "peer" / "requirements.txt").read_text()
        parts = (paths.LOCAL / "parts" / "python.txt").read_text()
        for package in ("onnxruntime", "tokenizers", "numpy"):
            pin = next(line for line in requirements.splitlines() if line.startswith(f"{package}=="))
            self.assertIn(pin, parts)


class Usage(unittest.TestCase):
    def test_memory_is_read_in_mebibytes(self):
        self.assertEqual(usage.parse_rollup(ROLLUP), (200.0, 100.0))
        self.assertGreater(usage.memory(os.getpid())[0], 1)

    def test_a_process_tree_has_the_children_and_their_cpu_time(self):
        code = "import subprocess, sys; print('ready', flush=True); sys.stdin.read()"
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            child.stdout.readline()
            pids = usage.process_tree(os.getpid())
            self.assertIn(child.pid, pids)
            self.assertGreater(usage.cpu_seconds(pids), 0)
            child.stdin.close()
        self.assertEqual(usage.cpu_seconds([child.pid]), 0)


if __name__ == "__main__":
    unittest.main()
