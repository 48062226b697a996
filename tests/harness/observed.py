"""A server that lets itself be watched: audit log and metrics."""

import json
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from .daemon import free_port, wait_until
from .s3 import Server


class Observed(Server):
    """A server with an audit log and a port for metrics."""

    def __init__(self, *args):
        self.metrics_port = free_port()
        super().__init__(daemon_args=[
            "--metrics-listen", f"127.0.0.1:{self.metrics_port}", *args])
        self.audit = self.daemon.folder / "audit.log"
        if "--audit-log" not in args:
            self.daemon.terminate()
            self.daemon.extra_args += ["--audit-log", str(self.audit)]
            self.daemon.restart()

    def lines(self):
        """Every line of the audit log."""
        text = self.audit.read_bytes()
        assert text == b"" or text.endswith(b"\n")
        return [json.loads(line) for line in text.decode().split("\n")[:-1]]

    def line(self, **wanted):
        """The one line that has these values, once it is written."""
        def found():
            fitting = [line for line in self.lines()
                       if all(line.get(name) == value for name, value in wanted.items())]
            assert len(fitting) <= 1, fitting
            return fitting
        return wait_until(f"a line with {wanted}", found)[0]

    def scrape(self, path="/metrics"):
        """The metrics as they are sent."""
        url = f"http://127.0.0.1:{self.metrics_port}{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            return answer.read().decode()

    def samples(self):
        """The metrics: by name, a list of labels and value."""
        found = {}
        for family in text_string_to_metric_families(self.scrape()):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def value(self, name, **labels):
        """The sum of a metric over the samples that have these labels."""
        return sum(value for found, value in self.samples().get(name, [])
                   if all(found.get(label) == text for label, text in labels.items()))
