import subprocess
from pathlib import Path

from junitparser import Failure, JUnitXml

from conftest import PROGRAM

SCENARIO = """
title = "two & a half"
for = "1s"
brokers = 1
[[topic]]
name = "orders"
[[expect]]
that = "lost 0"
[[expect]]
that = "brokers up 7"
"""


def test_a_reader_of_junit_reads_what_came_of_a_scenario(tmp_path: Path):
    file, junit = tmp_path / "short.toml", tmp_path / "out.xml"
    file.write_text(SCENARIO)
    ran = subprocess.run(
        [PROGRAM, "run", file, "--junit", junit], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    assert ran.returncode == 1
    (suite,) = JUnitXml.fromfile(str(junit))
    assert (suite.name, suite.tests, suite.failures, suite.errors) == ("two & a half", 2, 1, 0)
    held, failed = suite
    assert held.is_passed and held.time >= 0
    assert failed.name.endswith("brokers up 7")
    (result,) = failed.result
    assert isinstance(result, Failure)
    assert result.message == "1 of 1 brokers answer"
