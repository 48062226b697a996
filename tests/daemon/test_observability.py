"""What a running daemon lets be known of itself: audit log, counters of links, metrics."""

import json
import math
import os
import re
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

import botocore.exceptions
import pytest
from harness.daemon import Daemon, free_port, wait_until
from harness.observed import Observed
from harness.raw import exchange
from harness.s3 import Server
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.skipif(
    "CHAINRING_TEST_ENDPOINT" in os.environ, reason="tests of our own daemon")

FIELDS = {"time", "who", "accessKey", "peer", "what", "asked", "resolved", "linkGeneration", "key",
          "result", "status", "bytesIn", "bytesOut", "latencyUs", "requestId"}


@pytest.fixture(scope="module")
def server():
    server = Observed()
    yield server
    server.close()


# -- the audit log ------------------------------------------------------------------------------


def test_a_line_tells_who_did_what_to_which_bucket(server):
    name = server.create_linked()
    before = datetime.now(timezone.utc) - timedelta(seconds=1)
    answer = server.client().put_object(Bucket=name, Key="a/b c.txt", Body=b"x" * 1000)
    line = server.line(what="PutObject", key="a/b c.txt")
    assert FIELDS <= set(line)
    assert (line["who"], line["accessKey"]) == ("admin", server.access_key)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", line["peer"])
    assert line["asked"] == f"/s3v/{name}"
    assert line["resolved"] == f"/vol1/{name}-source"
    assert line["linkGeneration"] >= 1
    assert (line["result"], line["status"]) == ("OK", 200)
    assert (line["bytesIn"], line["bytesOut"]) == (1000, 0) or line["bytesIn"] > 1000
    assert line["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert 0 < line["latencyUs"] < 60_000_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["time"])
    at = datetime.fromisoformat(line["time"])
    assert before <= at <= datetime.now(timezone.utc)
    server.client().get_object(Bucket=name, Key="a/b c.txt")["Body"].read()
    line = server.line(what="GetObject", key="a/b c.txt")
    assert (line["bytesIn"], line["bytesOut"]) == (0, 1000)


def test_a_bucket_is_its_own_resolution(server):
    name = server.create_direct()
    server.client().head_bucket(Bucket=name)
    line = server.line(what="HeadBucket", asked=f"/s3v/{name}")
    assert (line["resolved"], line["linkGeneration"], line["key"]) == (f"/s3v/{name}", 0, None)


def test_refused_requests_are_audited(server):
    name = server.create_direct()
    with pytest.raises(botocore.exceptions.ClientError):
        server.client(secret_key="wrong", access_key=server.access_key,
                      user_agent_extra="wrong").put_object(Bucket=name, Key="refused-1", Body=b"x")
    line = server.line(key="refused-1")
    assert (line["result"], line["status"], line["who"]) == ("SignatureDoesNotMatch", 403, None)
    assert line["accessKey"] == server.access_key
    with pytest.raises(botocore.exceptions.ClientError):
        server.client(access_key="NOBODYSKEY", secret_key="x" * 20).get_object(
            Bucket=name, Key="refused-2")
    line = server.line(key="refused-2")
    assert (line["result"], line["accessKey"]) == ("InvalidAccessKeyId", "NOBODYSKEY")
    answer = exchange((server.host, server.port),
                      f"GET /{name}/refused-3 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.status == 403
    line = server.line(key="refused-3")
    assert (line["result"], line["who"], line["accessKey"]) == ("AccessDenied", None, None)
    with pytest.raises(botocore.exceptions.ClientError):
        server.client().get_object(Bucket=name, Key="no-such-key")
    line = server.line(key="no-such-key")
    assert (line["result"], line["status"], line["who"]) == ("NoSuchKey", 404, "admin")


def test_requests_that_cannot_be_read_are_audited(server):
    before = len(server.lines())
    for data in (b"NONSENSE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n"):
        assert exchange((server.host, server.port), data).status == 400
    wait_until("two lines", lambda: len(server.lines()) >= before + 2)
    for line in server.lines()[before:]:
        assert (line["what"], line["status"], line["result"]) == (None, 400, "BadRequest")
        assert line["peer"].startswith("127.0.0.1:")
    answer = exchange((server.host, server.port), b"GET /Bad_Name/x%0ay HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.status == 400
    line = server.line(result="InvalidBucketName")
    assert (line["rawPath"], line["asked"]) == ("/Bad_Name/x%0ay", None)


HOSTILE = [
    'quote"', "back\\slash", "line\nend", "carriage\rreturn", 'forged\n{"who":"root","result":"OK"}',
    "nul\0", "escape\x1b[2J", "del\x7f", "next\u0085line", "separator\u2028", "turned\u202eright",
    "\U0001f600", "%0a%00", "tab\t", "a" * 1000, "</script>", "\ufeffmark",
]


def test_no_key_forges_a_line(server):
    name = server.create_direct("hostile")
    raw = server.raw()
    for number, key in enumerate(HOSTILE):
        path = f"/{name}/" + urllib.parse.quote(f"{number}-{key}", safe="-_.~")
        assert raw.request("PUT", path, body=b"x").status == 200, key
    wait_until("all lines", lambda: sum(
        line["asked"] == f"/s3v/{name}" and line["what"] == "PutObject"
        for line in server.lines()) == len(HOSTILE))
    for number, key in enumerate(HOSTILE):
        line = server.line(asked=f"/s3v/{name}", key=f"{number}-{key}")
        assert (line["who"], line["what"]) == ("admin", "PutObject")
    text = server.audit.read_bytes().decode()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
    # Bytes that are no text are refused, and quoted as they came.
    assert raw.request("PUT", f"/{name}/%ff%fe", body=b"x").status == 400
    assert server.line(rawPath=f"/{name}/%ff%fe")["status"] == 400


def test_copies_name_both_sides(server):
    source, target = server.create_linked(), server.create_direct()
    s3 = server.client()
    s3.put_object(Bucket=source, Key="from", Body=b"x" * 10)
    s3.copy_object(Bucket=target, Key="to", CopySource={"Bucket": source, "Key": "from"})
    line = server.line(what="CopyObject", key="to")
    assert line["asked"] == f"/s3v/{target}"
    assert line["copySource"] == f"{source}/from"
    assert line["copySourceResolved"] == f"/vol1/{source}-source"


def test_each_key_of_many_deleted_has_its_line(server):
    name = server.create_linked()
    s3 = server.client()
    keys = [f"many-{n}" for n in range(5)]
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": key} for key in keys]})
    request = server.line(what="DeleteObjects", key=None)
    assert request["requestId"] == answer["ResponseMetadata"]["RequestId"]
    for key in keys:
        line = server.line(what="DeleteObjects", key=key, requestId=request["requestId"])
        assert (line["result"], line["resolved"]) == ("OK", f"/vol1/{name}-source")


def test_admin_operations_are_audited(server):
    name = server.name("adm")
    server.daemon.cli("bucket", "create", f"/vol1/{name}")
    line = server.line(what="bucket create", asked=f"/vol1/{name}")
    assert FIELDS <= set(line)
    assert (line["result"], line["who"], line["requestId"]) == ("OK", "admin", None)
    assert line["peer"].startswith("process:")
    result = server.daemon.cli_result("bucket", "create", f"/vol1/{name}")
    assert result.returncode == 1
    server.line(what="bucket create", asked=f"/vol1/{name}", result="BUCKET_ALREADY_EXISTS")
    server.daemon.cli("bucket", "link", f"/vol1/{name}", f"/s3v/{name}")
    server.line(what="bucket link", asked=f"/s3v/{name}")
    server.daemon.cli("bucket", "info", f"/s3v/{name}")
    line = server.line(what="bucket info", asked=f"/s3v/{name}")
    assert line["resolved"] == f"/vol1/{name}"
    secrets = server.daemon.cli_json("user", "create", name).values()
    server.line(what="user create")
    text = server.audit.read_text()
    secrets = [value for value in secrets if isinstance(value, str) and len(value) >= 30]
    assert secrets
    assert not any(secret in text for secret in [*secrets, server.secret_key])


def test_the_file_is_for_its_owner_only(server):
    assert stat.S_IMODE(server.audit.stat().st_mode) == 0o600


def test_sighup_opens_the_file_anew_and_nothing_is_lost():
    server = Observed()
    try:
        name = server.create_direct()
        s3 = server.client()
        stop, count = threading.Event(), [0]

        def load():
            while not stop.is_set():
                s3.put_object(Bucket=name, Key=f"k{count[0]}", Body=b"x")
                count[0] += 1

        thread = threading.Thread(target=load)
        thread.start()
        moved = []
        for number in range(3):
            target = server.audit.with_name(f"moved-{number}")
            wait_until("some lines", lambda: server.audit.exists() and len(server.lines()) > 5)
            server.audit.rename(target)
            server.daemon.process.send_signal(signal.SIGHUP)
            moved.append(target)
        stop.set()
        thread.join()
        assert server.daemon.terminate() == 0
        text = "".join(path.read_text() for path in [*moved, server.audit])
        keys = [line["key"] for line in map(json.loads, text.splitlines())
                if line["what"] == "PutObject"]
        assert keys == [f"k{n}" for n in range(count[0])]
    finally:
        server.close()


def test_files_rotate_by_size_and_a_stop_flushes():
    server = Observed("--audit-max-bytes", "65536", "--audit-keep", "2", "--cores", "1")
    try:
        name = server.create_direct()
        raw = server.raw()
        keys = [f"{n:04}-" + "x" * 500 for n in range(300)]
        for key in keys:
            assert raw.request("GET", f"/{name}/{key}").status == 404
        assert server.daemon.terminate() == 0
        files = sorted(server.audit.parent.glob("audit.log*"))
        assert [f.name for f in files] == ["audit.log", "audit.log.1", "audit.log.2"]
        assert all(f.stat().st_size <= 65536 for f in files)
        found = [line["key"] for f in (files[2], files[1], files[0])
                 for line in map(json.loads, f.read_text().splitlines())
                 if line["what"] == "GetObject"]
        assert found == keys[-len(found):] and len(found) > 50
    finally:
        server.close()


def test_a_full_device_does_not_stop_the_service(tmp_path):
    """The log lies on a file system of 64 KiB."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "audit", str(tmp_path)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount: {done.stderr}")
    try:
        server = Observed("--audit-log", str(tmp_path / "audit.log"))
        server.audit = tmp_path / "audit.log"
        try:
            name = server.create_direct()
            raw = server.raw()
            for n in range(400):
                assert raw.request("GET", f"/{name}/{n}-" + "x" * 900).status == 404
            wait_until("lost lines", lambda: server.value("chainring_audit_lines_lost_total") > 0)
            assert server.value("chainring_audit_failing") == 1
            assert server.daemon.log.read_text(errors="replace").count("lines cannot be written") == 1
            assert all(line["what"] for line in server.lines())
            # Room again: the file says what is missing.
            os.truncate(server.audit, 0)
            server.daemon.process.send_signal(signal.SIGHUP)
            assert raw.request("GET", f"/{name}/after").status == 404
            line = wait_until("the lost line", lambda: [
                line for line in server.lines() if line["what"] == "AuditLinesLost"])[0]
            assert 0 < line["lost"] <= server.value("chainring_audit_lines_lost_total")
            server.line(key="after")
            assert server.value("chainring_audit_failing") == 0
        finally:
            server.close()
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=False)


def test_a_log_that_cannot_be_opened_ends_the_start():
    daemon = Daemon("noaudit", args=["--audit-log", "/no/such/folder/audit.log"])
    try:
        daemon.spawn()
        assert daemon.process.wait(timeout=60) == 1
        assert "/no/such/folder/audit.log" in daemon.log.read_text()
    finally:
        daemon.close()


# -- counters of links --------------------------------------------------------------------------


def link_counters(server, name):
    """Requests, errors, bytes in, bytes out."""
    samples = server.samples()
    return tuple(
        sum(value for labels, value in samples.get(f"chainring_link_{what}_total", [])
            if labels["link"] == name)
        for what in ("requests", "errors", "received_bytes", "sent_bytes"))


def test_links_count_what_goes_through_them(server):
    name = server.create_linked("count")
    raw = server.raw()
    assert link_counters(server, name) == (0, 0, 0, 0)
    assert raw.request("PUT", f"/{name}/k", body=b"x" * 100).status == 200
    assert raw.request("GET", f"/{name}/k").status == 200
    assert raw.request("GET", f"/{name}/missing").status == 404
    requests, errors, received, sent = link_counters(server, name)
    assert (requests, errors, received) == (3, 1, 100)
    assert sent > 100
    used = server.value("chainring_link_last_used_timestamp_seconds", link=name, volume="s3v")
    assert abs(used - time.time()) < 60
    # A copy counts for the link it reads from, too; the source's own name counts nothing.
    target = server.create_direct()
    server.client().copy_object(Bucket=target, Key="c", CopySource={"Bucket": name, "Key": "k"})
    assert link_counters(server, name)[:3] == (4, 1, 100)
    assert link_counters(server, f"{name}-source") == (0, 0, 0, 0)
    assert link_counters(server, target) == (0, 0, 0, 0)


def test_the_cli_lists_the_counters(server):
    name = server.create_linked("listed")
    raw = server.raw()
    assert raw.request("PUT", f"/{name}/k", body=b"x" * 77).status == 200

    def stats():
        (link,) = [entry for entry in server.daemon.cli_json("link", "list", "--volume", "/s3v", "--stats")
                   if entry["name"] == name]
        return link["stats"]
    assert (stats()["requests"], stats()["bytesIn"], stats()["errors"]) == (1, 77, 0)
    # The counters are the link's, wherever it points.
    server.daemon.cli("bucket", "create", f"/vol1/{name}-other")
    server.daemon.cli("link", "set-source", f"/s3v/{name}", f"/vol1/{name}-other")
    assert raw.request("GET", f"/{name}/k").status == 404
    assert (stats()["requests"], stats()["errors"]) == (2, 1)
    assert stats()["lastUsed"]


def test_counters_of_links_end_with_the_link(server):
    name = server.create_linked("ends")
    raw = server.raw()
    assert raw.request("PUT", f"/{name}/k", body=b"x").status == 200
    assert link_counters(server, name)[0] == 1
    server.daemon.cli("bucket", "delete", f"/s3v/{name}")
    assert link_counters(server, name)[0] == 0
    server.daemon.cli("bucket", "link", f"/vol1/{name}-source", f"/s3v/{name}")
    assert link_counters(server, name)[0] == 0
    assert raw.request("GET", f"/{name}/k").status == 200
    assert link_counters(server, name)[0] == 1


def test_links_that_dangle_count_errors(server):
    name = server.name("dangling")
    server.daemon.cli("bucket", "link", f"/vol1/{name}-missing", f"/s3v/{name}")
    assert server.raw().request("GET", f"/{name}/k").status == 404
    assert link_counters(server, name)[:2] == (1, 1)


# -- metrics ------------------------------------------------------------------------------------


def test_the_page_follows_the_conventions(server):
    text = server.scrape()
    seen = set()
    for family in text_string_to_metric_families(text):
        assert family.name not in seen
        seen.add(family.name)
        assert re.fullmatch(r"(chainring|process)_[a-z0-9_]+", family.name)
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        labels = set()
        for sample in family.samples:
            if family.type == "counter":
                assert sample.name.endswith("_total")
                assert sample.value >= 0
            mark = (sample.name, tuple(sorted(sample.labels.items())))
            assert mark not in labels
            labels.add(mark)
            assert not math.isnan(sample.value)
    # Every sample stands behind the TYPE of its family, and families stand together.
    order = [re.sub(r"_(bucket|sum|count)(?=[{ ]).*", "", line) if "_seconds_" in line
             else re.split(r"[{ ]", line)[0]
             for line in text.splitlines() if not line.startswith("#")]
    runs = [name for at, name in enumerate(order) if at == 0 or order[at - 1] != name]
    assert len(runs) == len(set(runs))


def test_requests_are_counted_by_operation_and_status(server):
    name = server.create_direct()
    raw = server.raw()
    def count(**labels):
        return server.value("chainring_s3_requests_total", **labels)
    before = {status: count(operation="GetObject", status=status) for status in ("2xx", "4xx")}
    unknown, errors = count(operation="unknown"), server.value(
        "chainring_s3_errors_total", code="NoSuchKey")
    received, sent = (server.value(f"chainring_s3_{way}_bytes_total") for way in ("received", "sent"))
    assert raw.request("PUT", f"/{name}/k", body=b"x" * 5000).status == 200
    for _ in range(3):
        assert raw.request("GET", f"/{name}/k").status == 200
    assert raw.request("GET", f"/{name}/missing").status == 404
    exchange((server.host, server.port), b"NONSENSE\r\n\r\n")
    assert count(operation="GetObject", status="2xx") == before["2xx"] + 3
    assert count(operation="GetObject", status="4xx") == before["4xx"] + 1
    assert count(operation="unknown") == unknown + 1
    assert server.value("chainring_s3_errors_total", code="NoSuchKey") == errors + 1
    assert server.value("chainring_s3_received_bytes_total") == received + 5000
    assert server.value("chainring_s3_sent_bytes_total") > sent + 15_000
    samples = server.samples()
    total = sum(v for labels, v in samples["chainring_s3_requests_total"])
    assert sum(v for labels, v in samples["chainring_s3_request_duration_seconds_count"]) == total
    buckets = [(float(labels["le"]), v)
               for labels, v in samples["chainring_s3_request_duration_seconds_bucket"]
               if labels["operation"] == "GetObject"]
    assert buckets == sorted(buckets) and [v for _, v in buckets] == sorted(v for _, v in buckets)


def test_the_metrics_that_the_documentation_lists_are_there(server):
    name = server.create_linked()
    server.client().put_object(Bucket=name, Key="k", Body=b"x" * 3_000_000)
    server.raw().request("GET", f"/{name}/missing")
    samples = server.samples()
    document = (os.path.dirname(__file__) + "/../../docs/operations.md")
    listed = set(re.findall(r"`((?:chainring|process)_[a-z0-9_]+)", open(document).read()))
    assert listed
    there = {re.sub(r"_(bucket|sum|count)$", "", name) if "duration" in name else name
             for name in samples}
    assert listed == there
    assert server.value("chainring_build_info") == 1
    assert server.value("chainring_log_records_total") > 0
    assert server.value("chainring_log_flushes_total") > 0
    assert server.value("chainring_log_written_bytes_total") > 3_000_000
    assert server.value("chainring_index_entries") > 0
    assert server.value("chainring_index_memory_bytes") > 0
    assert server.value("chainring_namespace_generation") > 0
    assert server.value("process_resident_memory_bytes") > 1_000_000
    assert server.value("process_cpu_seconds_total") > 0
    assert server.value("process_open_fds") > 5
    assert abs(server.value("process_start_time_seconds") - time.time()) < 3600


def test_connections_are_counted_while_they_are_open(server):
    before = server.value("chainring_s3_connections")
    sockets = [socket.create_connection((server.host, server.port)) for _ in range(5)]
    # Idle ones of other tests may end meanwhile.
    wait_until("these five", lambda: server.value("chainring_s3_connections") >= 5)
    for each in sockets:
        each.close()
    wait_until("gone", lambda: server.value("chainring_s3_connections") <= before)


def test_s35_only_metrics_are_served_there(server):
    for path in ("/", "/metric", "/metrics/", "/bucket/key", "/%2e/metrics"):
        with pytest.raises(urllib.error.HTTPError) as error:
            server.scrape(path)
        assert error.value.code == 404
    address = ("127.0.0.1", server.metrics_port)
    answer = exchange(address, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")
    answer = exchange(address, b"HEAD /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                      method="HEAD")
    assert (answer.status, answer.body) == (200, b"")
    assert server.scrape("/metrics?x=1")


def test_a_slow_scraper_does_not_matter(server):
    address = ("127.0.0.1", server.metrics_port)
    slow = [socket.create_connection(address) for _ in range(8)]
    try:
        for each in slow:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            each.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        name = server.create_direct()
        start = time.monotonic()
        for n in range(50):
            assert server.raw().request("PUT", f"/{name}/{n}", body=b"x").status == 200
        assert time.monotonic() - start < 20
        assert server.scrape()
        # More of them than there are places: whoever comes then is turned away, the service not.
        slow += [socket.create_connection(address) for _ in range(20)]
        assert server.raw().request("GET", f"/{name}/0").status == 200
    finally:
        for each in slow:
            each.close()
    wait_until("a place", lambda: server.samples() is not None)


def test_s35_nothing_is_served_or_written_unless_asked():
    with Daemon("quiet") as daemon:
        assert "metrics" not in daemon.log.read_text()
        assert not list(daemon.folder.glob("audit*"))
