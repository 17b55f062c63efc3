"""A cluster for each test that asks for it."""

import json
import os
import subprocess

import pytest

PROGRAM = os.environ.get("KAFKARIUM", "kafkarium")


class Cluster:
    """A running cluster; `exec` and `wait` take what the palette and `kafkarium wait` take."""

    def __init__(self, name, *topics):
        arguments = [PROGRAM, "up", "--name", name, "--ephemeral", "--json", "--until-eof"]
        arguments += ["--base-port", "0", "--zookeeper-port", "0"]
        for topic in topics:
            arguments += ["--topic", topic]
        self.name = name
        self.process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.status = json.loads(self.process.stdout.readline())
        self.bootstrap = self.status["bootstrap"]

    def exec(self, *actions):
        subprocess.run([PROGRAM, "exec", "--name", self.name, *actions], check=True)

    def wait(self, condition):
        subprocess.run([PROGRAM, "wait", "--name", self.name, condition], check=True)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture
def cluster(request):
    running = Cluster(f"pytest-{os.getpid()}", "orders:3:3")
    yield running
    running.close()
